// Which part of the list is drawn.
import type { Conversation } from "../../state/model";
import type { SectionName } from "../../state/conversations.svelte";

export type Entry =
  | { readonly type: "head"; readonly name: SectionName; readonly collapsed: boolean; readonly count: number }
  | { readonly type: "row"; readonly row: Conversation; readonly position: number; readonly of: number };

export interface Seen {
  readonly entries: readonly Entry[];
  /** Height of what is left out above and below, in pixels. */
  readonly before: number;
  readonly after: number;
}

/** What can be seen from `top` on, and a screen more on either side. */
export function windowOf(entries: readonly Entry[], heights: { head: number; row: number }, top: number, height: number): Seen {
  const from = top - height;
  const to = top + 2 * height;
  let y = 0;
  let before = 0;
  let after = 0;
  const seen: Entry[] = [];
  for (const entry of entries) {
    const size = heights[entry.type];
    if (y + size < from) before += size;
    else if (y > to) after += size;
    else seen.push(entry);
    y += size;
  }
  return { entries: seen, before, after };
}
