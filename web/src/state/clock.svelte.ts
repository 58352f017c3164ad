// The minute that it is, so that "today" becomes "yesterday" without anybody doing anything.

export const clock: { now: number } = $state({ now: Date.now() });

setInterval(() => (clock.now = Date.now()), 60_000);
