// The emoji and their names in the person's language: files of our own origin, fetched when the picker opens first.
import de from "emojibase-data/de/compact.json?url";
import en from "emojibase-data/en/compact.json?url";
import { language } from "../../i18n";

const sources: Record<string, string> = { de, en };

export interface Emoji {
  readonly text: string;
  readonly label: string;
  readonly group: number;
  /** By tone of the skin, from light to dark; empty when there is none. */
  readonly skins: readonly string[];
  /** What it is found by, in small letters. */
  readonly words: string;
}

interface Raw {
  unicode: string;
  label: string;
  group?: number;
  order?: number;
  tags?: string[];
  skins?: { unicode: string }[];
}

let loaded: { language: string; emoji: Promise<Emoji[]> } | null = null;

/** All emoji in Unicode's order. */
export function emojiOf(code = language): Promise<Emoji[]> {
  if (loaded?.language !== code) {
    const emoji = fetch(sources[code] ?? en).then(async (answer) => {
      if (!answer.ok) throw new Error(`emoji: ${answer.status}`);
      return read((await answer.json()) as Raw[]);
    });
    emoji.catch(() => (loaded = null));
    loaded = { language: code, emoji };
  }
  return loaded!.emoji;
}

/** What can be chosen; parts of emoji (group 2) are none of their own. */
export function read(raw: readonly Raw[]): Emoji[] {
  return raw
    .filter((one) => one.group !== undefined && one.group !== 2)
    .sort((one, other) => (one.order ?? 0) - (other.order ?? 0))
    .map((one) => ({
      text: one.unicode,
      label: one.label,
      group: one.group!,
      skins: one.skins?.slice(0, 5).map((skin) => skin.unicode) ?? [],
      words: `${one.label} ${one.tags?.join(" ") ?? ""}`.toLocaleLowerCase(),
    }));
}

/** Those in whose words each word of the query begins one, best first. */
export function find(all: readonly Emoji[], query: string, limit = 120): Emoji[] {
  const wanted = query.toLocaleLowerCase().split(/[\s:_]+/u).filter((word) => word !== "");
  if (wanted.length === 0) return [];
  const found: { emoji: Emoji; rank: number }[] = [];
  for (const emoji of all) {
    if (!wanted.every((word) => emoji.words.startsWith(word) || emoji.words.includes(` ${word}`))) continue;
    const label = emoji.label.toLocaleLowerCase();
    found.push({ emoji, rank: label === wanted.join(" ") ? 0 : label.startsWith(wanted[0]!) ? 1 : label.includes(wanted[0]!) ? 2 : 3 });
  }
  return found
    .sort((one, other) => one.rank - other.rank)
    .slice(0, limit)
    .map((one) => one.emoji);
}
