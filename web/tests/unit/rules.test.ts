// Rules that hold for every source of the views.
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const folder = new URL("../../src/", import.meta.url);
const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.(ts|svelte|css)$/.test(name) && !name.startsWith("core/"))
  .map((name) => ({ name, text: readFileSync(new URL(name, folder), "utf8") }));

const breaking = (rule: RegExp, except: RegExp = /^$/) =>
  files.filter(({ name }) => !except.test(name)).flatMap(({ name, text }) => (text.match(rule) ?? []).map((found) => `${name}: ${found}`));

describe("no source", () => {
  it("reads text as HTML", () => expect(breaking(/innerHTML|outerHTML|insertAdjacentHTML|\{@html|document\.write|DOMParser/g)).toEqual([]));
  it("has a style or a handler as an attribute that a strict policy refuses", () => expect(breaking(/\sstyle="|\son[a-z]+="/g)).toEqual([]));
  it("has a colour but that of the tokens", () => {
    const colours = /#[0-9a-f]{3,8}\b(?=[;,) ])|\b(?:rgb|hsl|oklch)a?\(|:\s*(?:white|black|red|green|blue|gr[ae]y|orange)\b/gi;
    expect(breaking(colours, /tokens\.css$/)).toEqual([]);
  });
  it("counts from the left or right", () => {
    const physical = /(?:margin|padding|border|inset)-(?:left|right)\s*:|^\s*(?:left|right|width|height|min-width|max-width):|text-align:\s*(?:left|right)/gm;
    expect(breaking(physical)).toEqual([]);
  });
  it("asks another origin", () => {
    expect(breaking(/["'`]https?:\/\/(?!www\.w3\.org)[^"'`$]+/g)).toEqual([]);
  });
  it("is long", () => expect(files.filter(({ name, text }) => !name.startsWith("i18n/") && text.split("\n").length > 420).map(({ name }) => name)).toEqual([]));
});
