// New lines are drawn a few in each frame, so that no frame takes long.
import type { Item } from "./model";

/** How many lines are drawn in one frame at either end. */
export const perFrame = 14;

/** Which part of `all` is drawn next, when `shown` is drawn now: so many more at either end. */
export function nextPart(shown: readonly Item[], all: readonly Item[], chunk = perFrame): { from: number; to: number } {
  if (shown.length === 0) {
    // At first the newest, and what is unread with a little of what was before it.
    const unread = all.findIndex((item) => item.type === "unread");
    const newest = all.length - 2 * chunk;
    return { from: Math.max(0, unread < 0 ? newest : Math.min(newest, unread - chunk)), to: all.length };
  }
  const places = new Map(all.map((item, at) => [item.id, at]));
  const here = shown.flatMap((item) => places.get(item.id) ?? []);
  // Nothing of it is there any more: it is another part of the timeline.
  if (here.length === 0) return { from: 0, to: all.length };
  return { from: Math.max(0, Math.min(...here) - chunk), to: Math.min(all.length, Math.max(...here) + 1 + chunk) };
}
