// The strings of the language that is spoken just now. A further language is one more file beside this one (and one in `administration`), of the same
// shape, named by its code (BCP 47).
import type { Strings } from "./en";

export type { Strings };

const files = import.meta.glob<{ strings: Strings }>(["./*.ts", "!./index.ts", "!./format.ts"]);

/** The codes of the languages that there are. */
export const languages: string[] = Object.keys(files)
  .map((path) => path.slice(2, -3))
  .sort();

/** The strings. They are there once `speak` has ended; a change of the language draws everything anew. */
export let t: Strings;
/** The code of the language. */
export let language = "en";

/** The language that fits best what somebody wants, the most wanted one first. */
export function choose(wanted: readonly string[], known: readonly string[] = languages): string {
  for (const one of wanted) {
    const parts = one.toLowerCase().split("-");
    while (parts.length > 0) {
      const found = known.find((code) => code.toLowerCase() === parts.join("-"));
      if (found !== undefined) return found;
      parts.pop();
    }
  }
  return "en";
}

/** Loads the strings of a language, and tells the page of it. */
export async function speak(code: string): Promise<void> {
  const load = files[`./${code}.ts`] ?? files["./en.ts"];
  if (load === undefined) throw new Error("the strings are missing");
  t = (await load()).strings;
  language = code;
  document.documentElement.lang = code;
  document.documentElement.dir = t.language.direction;
}

/** What a language calls itself. */
export function nameOf(code: string): string {
  const name = new Intl.DisplayNames(code, { type: "language" }).of(code) ?? code;
  return name.charAt(0).toLocaleUpperCase(code) + name.slice(1);
}
