import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { strings as en } from "../../src/i18n/en";
import { strings as de } from "../../src/i18n/de";
import { choose } from "../../src/i18n";

type Tree = { [name: string]: Tree | string | string[] | ((...parameters: never[]) => string) };

/** All words of a language; functions are asked for one and for many. */
function words(tree: Tree, path = ""): [string, string][] {
  return Object.entries(tree).flatMap(([name, value]): [string, string][] => {
    const here = `${path}.${name}`;
    if (typeof value === "string") return [[here, value]];
    if (typeof value === "function") {
      const ask = value as (...parameters: unknown[]) => string;
      return [
        [`${here}(1)`, ask(1, 1)],
        [`${here}(3)`, ask(3, 2)],
        [`${here}(x)`, ask("Xaver", "Ypsilon")],
      ];
    }
    return words(value as Tree, here);
  });
}

describe.each([
  ["English", en as unknown as Tree],
  ["German", de as unknown as Tree],
])("%s", (_name, tree) => {
  const all = words(tree);
  it("has all words", () => expect(all.filter(([, text]) => text.trim() === "")).toEqual([]));
  it("is calm", () => expect(all.filter(([, text]) => /!|\boops\b|\bups\b/i.test(text))).toEqual([]));
  it("names what is given", () => {
    expect(all.filter(([path, text]) => path.endsWith("(x)") && !/Xaver|Ypsilon|NaN/.test(text) && !/\d/.test(text))).toEqual([]);
  });
});

it("both languages have the same words", () => {
  const paths = (tree: unknown) => words(tree as Tree).map(([path]) => path);
  expect(paths(de)).toEqual(paths(en));
});

it("German says du", () => {
  const formal = words(de as unknown as Tree).filter(([, text]) => /\b(Ihre?[mnrs]?|Ihnen)\b|\bSie (sich|bitte|haben|können|müssen)\b/.test(text));
  expect(formal).toEqual([]);
});

it("every word is used somewhere", () => {
  const sources = ["src/ui", "src/views", "src/state", "src/actions", "src/i18n"].flatMap((folder) =>
    readdirSync(new URL(`../../${folder}`, import.meta.url), { recursive: true, encoding: "utf8" })
      .filter((name) => /\.(ts|svelte)$/.test(name) && !/^(en|de)\.ts$/.test(name))
      .map((name) => readFileSync(new URL(`../../${folder}/${name}`, import.meta.url), "utf8")),
  );
  const code = sources.join("\n");
  const unused = Object.entries(en).flatMap(([group, names]) =>
    Object.keys(names).filter((name) => !code.includes(`t.${group}.${name}`) && !code.includes(`t.${group}[`)).map((name) => `${group}.${name}`),
  );
  expect(unused.filter((name) => !name.startsWith("keyboard.keys"))).toEqual([]);
});

describe("the language", () => {
  it.each([
    [["de-AT", "en"], "de"],
    [["fr-FR", "de"], "de"],
    [["fr"], "en"],
    [["EN-us"], "en"],
    [[], "en"],
  ])("of somebody who wants %j is %s", (wanted, code) => expect(choose(wanted, ["de", "en"])).toBe(code));
});
