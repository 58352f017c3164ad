import { expect, it } from "vitest";
import { cut, onlyEmoji, plain, MOST_CHARACTERS } from "../../src/ui/richtext";
import type { Block } from "../../src/core/types";

const line = (text: string): Block => ({ type: "line", spans: [{ type: "text", text }] });

it("a megabyte of text is cut", () => {
  const shown = cut([line("a".repeat(1_000_000))]);
  expect(shown.cut).toBe(true);
  expect(plain(shown.blocks)).toHaveLength(MOST_CHARACTERS + 1);
});

it("ten thousand emoji are cut", () => {
  const shown = cut([{ type: "line", spans: Array.from({ length: 10_000 }, () => ({ type: "emoji", text: "🎉" }) as const) }]);
  expect(shown.cut).toBe(true);
  expect(plain(shown.blocks).length).toBeLessThan(1_000);
});

it("a hundred thousand lines are cut", () => {
  expect(cut(Array.from({ length: 100_000 }, () => line(""))).blocks.length).toBeLessThan(1_000);
});

it("no emoji is cut in two", () => {
  const text = `${"a".repeat(MOST_CHARACTERS - 1)}😺`;
  expect(plain(cut([line(text)]).blocks)).toBe(`${"a".repeat(MOST_CHARACTERS - 1)}…`);
});

it("what is short stays as it is", () => {
  const blocks: Block[] = [line("hello"), { type: "quote", blocks: [line("you")] }, { type: "pre", info: "", text: "x" }];
  expect(cut(blocks)).toEqual({ blocks, cut: false });
});

it("a message of nothing but emoji is told apart", () => {
  const emoji = { type: "emoji", text: "🎉" } as const;
  expect(onlyEmoji([{ type: "line", spans: [emoji, { type: "text", text: " " }, emoji] }])).toBe(2);
  expect(onlyEmoji([{ type: "line", spans: [emoji, { type: "text", text: "yes" }] }])).toBe(0);
});
