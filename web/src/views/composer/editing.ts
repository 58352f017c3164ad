// Editing of the text that is being written: pure functions. Places are counted as JavaScript counts (UTF-16 units).
import type { MentionIn } from "../../state/model";

/** What somebody is about to name. */
export interface Token {
  readonly kind: "emoji" | "mention" | "command";
  /** What stands behind the sign. */
  readonly query: string;
  readonly begin: number;
  readonly end: number;
}

/** What stands before the caret and could be completed. */
export function tokenAt(text: string, caret: number): Token | null {
  const before = text.slice(0, caret);
  const command = /^\/([a-z]*)$/.exec(before);
  if (command) return { kind: "command", query: command[1]!, begin: 0, end: caret };
  const mention = /(?:^|[\s(])@([\p{L}\p{N}._-]{0,40}(?: [\p{L}\p{N}._-]{0,40})?)$/u.exec(before);
  if (mention) return { kind: "mention", query: mention[1]!, begin: caret - mention[1]!.length - 1, end: caret };
  // Two letters at least, so that "at 10:" or ":)" asks nobody.
  const emoji = /(?:^|[\s(]):([\p{L}\p{N}_+-]{2,32})$/u.exec(before);
  if (emoji) return { kind: "emoji", query: emoji[1]!, begin: caret - emoji[1]!.length - 1, end: caret };
  return null;
}

/** Where the mentions of a text stand after it was changed. Those in the changed part are none any more. */
export function moved(before: string, after: string, mentions: readonly MentionIn[]): readonly MentionIn[] {
  if (mentions.length === 0 || before === after) return mentions;
  const most = Math.min(before.length, after.length);
  let front = 0;
  while (front < most && before[front] === after[front]) front++;
  let back = 0;
  while (back < most - front && before[before.length - 1 - back] === after[after.length - 1 - back]) back++;
  const end = before.length - back;
  const by = after.length - before.length;
  return mentions.flatMap((mention) => {
    if (mention.end <= front) return [mention];
    if (mention.begin >= end) return [{ ...mention, begin: mention.begin + by, end: mention.end + by }];
    return [];
  });
}

export interface Selected {
  readonly text: string;
  readonly begin: number;
  readonly end: number;
}

/** Puts marks around what is selected, or takes them away where they are. White space at its ends stays outside. */
export function marked({ text, begin, end }: Selected, mark: string): Selected {
  while (begin < end && /\s/.test(text[begin]!)) begin++;
  while (end > begin && /\s/.test(text[end - 1]!)) end--;
  const size = mark.length;
  const inside = text.slice(begin, end);
  if (text.slice(begin - size, begin) === mark && text.slice(end, end + size) === mark)
    return { text: text.slice(0, begin - size) + inside + text.slice(end + size), begin: begin - size, end: end - size };
  if (inside.length > 2 * size && inside.startsWith(mark) && inside.endsWith(mark))
    return { text: text.slice(0, begin) + inside.slice(size, -size) + text.slice(end), begin, end: end - 2 * size };
  return { text: text.slice(0, begin) + mark + inside + mark + text.slice(end), begin: begin + size, end: end + size };
}

/** Quotes the lines that are selected, or no longer. */
export function quoted({ text, begin, end }: Selected): Selected {
  const from = text.lastIndexOf("\n", begin - 1) + 1;
  const stop = text.indexOf("\n", end);
  const to = stop < 0 ? text.length : stop;
  const lines = text.slice(from, to).split("\n");
  const all = lines.every((line) => line.startsWith(">"));
  const now = lines.map((line) => (all ? line.replace(/^> ?/, "") : `> ${line}`)).join("\n");
  return { text: text.slice(0, from) + now + text.slice(to), begin: from, end: from + now.length };
}

/** Those whose name has a word that begins with the query; those that begin with it stand first. */
export function byName<T extends { readonly name: string }>(all: readonly T[], query: string, limit: number): T[] {
  const wanted = query.toLocaleLowerCase();
  const ranked = all.flatMap((one) => {
    const name = one.name.toLocaleLowerCase();
    if (name.startsWith(wanted)) return [{ one, rank: 0 }];
    if (name.split(/[\s._-]+/u).some((word) => word.startsWith(wanted))) return [{ one, rank: 1 }];
    return [];
  });
  return ranked
    .sort((one, other) => one.rank - other.rank)
    .slice(0, limit)
    .map((found) => found.one);
}
