// What screen readers say of what happens by itself (polite).

export const announcer: { text: string } = $state({ text: "" });

/** Says it. The same words twice are said twice. */
export function announce(text: string): void {
  announcer.text = announcer.text === text ? `${text}\u00a0` : text;
}
