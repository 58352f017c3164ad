import { expect, it } from "vitest";
import { leaving, nextChunk, nextPart } from "../../src/state/reveal";
import type { Item } from "../../src/core/types";

const items = (from: number, to: number): Item[] => Array.from({ length: to - from }, (_, at) => ({ type: "missing", id: String(from + at) }));

it("at first the newest are drawn", () => expect(nextPart([], items(0, 60), 10)).toEqual({ from: 40, to: 60 }));

it("at first what is unread is drawn, with a little before it", () => {
  const all: Item[] = [...items(0, 30), { type: "unread", id: "unread" }, ...items(30, 60)];
  expect(nextPart([], all, 10)).toEqual({ from: 20, to: 61 });
});

it("what was before comes bit by bit, and all of it comes", () => {
  const all = items(0, 100);
  let shown = items(60, 100);
  let frames = 0;
  while (shown.length < all.length) {
    const { from, to } = nextPart(shown, all, 10);
    shown = all.slice(from, to);
    frames++;
  }
  expect(frames).toBe(6);
});

it("what goes at one end goes at once, what comes at the other bit by bit", () => {
  expect(nextPart(items(0, 300), items(60, 360), 10)).toEqual({ from: 0, to: 250 });
});

it("another part of the timeline is drawn at once", () => expect(nextPart(items(0, 60), items(500, 560), 10)).toEqual({ from: 0, to: 60 }));

const ids = (all: readonly Item[]) => all.map((item) => item.id);

it("what is not wanted any more goes bit by bit, from its far end", () => {
  const all = items(0, 300);
  expect(ids(leaving(items(60, 360), all, 10).after)).toEqual(ids(items(300, 350)));
  expect(ids(leaving([...items(60, 300), ...items(300, 305)], all, 10).after)).toEqual([]);
  expect(ids(leaving(items(0, 300), items(60, 360), 10).before)).toEqual(ids(items(10, 60)));
});

it("of another part of the timeline nothing stays", () => {
  expect(leaving(items(0, 60), items(500, 560), 10)).toEqual({ before: [], after: [] });
});

it("frames that take long have fewer lines, and get more again", () => {
  expect([nextChunk(14, 60), nextChunk(2, 60), nextChunk(7, 17), nextChunk(14, 17)]).toEqual([7, 2, 9, 14]);
});
