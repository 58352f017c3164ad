// New lines are drawn a few in each frame, so that no frame takes long.
import type { Item } from "./model";

/** How many lines are drawn in one frame at either end. */
export const perFrame = 14;

/** A frame that takes longer than this is too long: fewer lines are drawn in the next one. */
const longMilliseconds = 28;

/** How many lines are drawn in the next frame, when so many were drawn in the last one and it took so long. */
export function nextChunk(chunk: number, milliseconds: number): number {
  return milliseconds > longMilliseconds ? Math.max(2, Math.floor(chunk / 2)) : Math.min(perFrame, chunk + 2);
}

/** Lines at either end that are drawn and are not wanted any more: so many of them go, the rest goes in the frames to come. */
export function leaving(shown: readonly Item[], all: readonly Item[], chunk = perFrame): { before: readonly Item[]; after: readonly Item[] } {
  const wanted = new Set(all.map((item) => item.id));
  const first = shown.findIndex((item) => wanted.has(item.id));
  // Nothing of it is wanted: it is another part of the timeline.
  if (first < 0) return { before: [], after: [] };
  const last = shown.findLastIndex((item) => wanted.has(item.id));
  return { before: shown.slice(Math.min(first, chunk), first), after: shown.slice(last + 1, Math.max(last + 1, shown.length - chunk)) };
}

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
