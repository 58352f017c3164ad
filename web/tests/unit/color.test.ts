import { describe, expect, it } from "vitest";
import { hueOf, initialsOf } from "../../src/ui/color";

describe("the hue of a name is that of XEP-0392 §6", () => {
  it.each([
    ["Romeo", 327.255249],
    ["juliet@capulet.lit", 209.410400],
    ["😺", 331.199341],
    ["council", 359.994507],
  ])("%s", (name, hue) => expect(hueOf(name)).toBeCloseTo(hue, 5));
});

describe("initials", () => {
  it.each([
    ["Anton Lindqvist", "AL"],
    ["Ada B. Lovelace", "AL"],
    ["Umzug Halle 4", "UH"],
    ["Betriebsrat", "BE"],
    ["anton", "AN"],
    ["Betrieb & Störungen", "BS"],
    ["نور الهاشمي", "نا"],
    ["", ""],
    ["\u202e\u200b", ""],
  ])("%s", (name, initials) => expect(initialsOf(name)).toBe(initials));
});
