import { describe, expect, it } from "vitest";
import { byName, marked, moved, quoted, tokenAt } from "../../src/views/composer/editing";

describe("what stands before the caret", () => {
  const cases: [string, ReturnType<typeof tokenAt>][] = [
    ["hello", null],
    ["@", { kind: "mention", query: "", begin: 0, end: 1 }],
    ["hello @an", { kind: "mention", query: "an", begin: 6, end: 9 }],
    ["hello @Anton Li", { kind: "mention", query: "Anton Li", begin: 6, end: 15 }],
    ["name@example", null],
    ["at 10:30", null],
    [":)", null],
    [":s", null],
    [":sm", { kind: "emoji", query: "sm", begin: 0, end: 3 }],
    ["nice (:thumbsup", { kind: "emoji", query: "thumbsup", begin: 6, end: 15 }],
    ["https://x", null],
    ["/", { kind: "command", query: "", begin: 0, end: 1 }],
    ["/mu", { kind: "command", query: "mu", begin: 0, end: 3 }],
    ["and /mu", null],
  ];
  it.each(cases)("%s", (text, token) => expect(tokenAt(text, text.length)).toEqual(token));
});

describe("mentions", () => {
  const mention = { begin: 6, end: 12, account: "anton@example.org" };
  it("move with what is typed before them", () => {
    expect(moved("hello @Anton", "well, hello @Anton", [mention])).toEqual([{ ...mention, begin: 12, end: 18 }]);
  });
  it("stay when something is typed behind them", () => {
    expect(moved("hello @Anton", "hello @Anton, yes", [mention])).toEqual([mention]);
  });
  it("are none any more when they are changed", () => {
    expect(moved("hello @Anton", "hello @Anon", [mention])).toEqual([]);
  });
});

describe("marks", () => {
  it("go around what is selected, without the white space at its ends", () => {
    expect(marked({ text: "a word here", begin: 1, end: 7 }, "*")).toEqual({ text: "a *word* here", begin: 3, end: 7 });
  });
  it("go away when they are there", () => {
    expect(marked({ text: "a *word* here", begin: 3, end: 7 }, "*")).toEqual({ text: "a word here", begin: 2, end: 6 });
    expect(marked({ text: "a *word* here", begin: 2, end: 8 }, "*")).toEqual({ text: "a word here", begin: 2, end: 6 });
  });
  it("quote whole lines, and no longer", () => {
    const now = quoted({ text: "one\ntwo\nthree", begin: 5, end: 9 });
    expect(now.text).toBe("one\n> two\n> three");
    expect(quoted(now).text).toBe("one\ntwo\nthree");
  });
});

it("people are found by any word of their name, those that begin with it first", () => {
  const all = [{ name: "Jana Anders" }, { name: "Anton Lindqvist" }, { name: "Selin Baran" }];
  expect(byName(all, "an", 8).map((one) => one.name)).toEqual(["Anton Lindqvist", "Jana Anders"]);
});
