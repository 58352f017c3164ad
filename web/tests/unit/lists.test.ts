import { beforeAll, describe, expect, it, vi } from "vitest";
import { rows } from "../fixtures/house";

// Only what the modules ask of a browser when they are loaded.
beforeAll(() => {
  vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => {} });
  vi.stubGlobal("location", { search: "", hash: "" });
});

describe("the list of conversations", () => {
  it("has sections: pinned, people, groups, rooms of departments, rooms", async () => {
    const { divide } = await import("../../src/state/conversations.svelte");
    const sections = divide(rows("en"));
    expect(sections.map(({ name, rows }) => [name, rows.length])).toEqual([["pinned", 2], ["people", 3], ["groups", 2], ["departments", 1], ["rooms", 2]]);
  });

  it("is narrowed to what is unread, or mentions us", async () => {
    const { passes } = await import("../../src/state/conversations.svelte");
    expect(rows("en").filter((row) => passes(row, "unread"))).toHaveLength(4);
    expect(rows("en").filter((row) => passes(row, "mentions"))).toHaveLength(1);
  });

  it("is walked through over the borders of sections, also from one unread to the next", async () => {
    const { divide, neighbour } = await import("../../src/state/conversations.svelte");
    const all = rows("en");
    const sections = divide(all);
    expect(neighbour(sections, all[0]!.id, 1, false)).toBe(all[1]!.id);
    expect(neighbour(sections, all[1]!.id, 1, true)).toBe(all[5]!.id);
    expect(neighbour(sections, all[0]!.id, -1, false)).toBeNull();
    expect(neighbour(sections, null, 1, false)).toBe(all[0]!.id);
  });

  it("draws only what can be seen", async () => {
    const { windowOf } = await import("../../src/views/list/window");
    const [row] = rows("en");
    const entries = Array.from({ length: 1_000 }, (_, at) => ({ type: "row" as const, row: { ...row!, id: String(at) }, position: at + 1, of: 1_000 }));
    const seen = windowOf(entries, { head: 34, row: 54 }, 20_000, 800);
    expect(seen.entries.length).toBeLessThan(60);
    expect(seen.before + seen.after + seen.entries.length * 54).toBe(54_000);
  });
});

describe("messages", () => {
  it("of one sender within five minutes stand together", async () => {
    const { continues } = await import("../../src/state/timeline.svelte");
    const { salesTimeline } = await import("../fixtures/house");
    const items = salesTimeline("en");
    const together = items.flatMap((item, at) => (continues(items[at - 1], item) ? [item.id] : []));
    // Anton's second one, and Jana's mention; an answer begins anew.
    expect(together).toHaveLength(2);
  });
});

describe("keys", () => {
  it("are told apart by what is held with them", async () => {
    const { matches } = await import("../../src/actions/action");
    const press = (key: string, held: Partial<KeyboardEvent> = {}) =>
      ({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held }) as KeyboardEvent;
    expect(matches(press("k", { ctrlKey: true }), "Mod+K")).toBe(true);
    expect(matches(press("K", { ctrlKey: true, shiftKey: true }), "Mod+K")).toBe(false);
    expect(matches(press("K", { ctrlKey: true, shiftKey: true }), "Mod+Shift+K")).toBe(true);
    // On a German keyboard the stroke needs Shift.
    expect(matches(press("/", { ctrlKey: true, shiftKey: true }), "Mod+/")).toBe(true);
    expect(matches(press("ArrowDown", { altKey: true }), "Alt+ArrowDown")).toBe(true);
    expect(matches(press("ArrowDown", { altKey: true, shiftKey: true }), "Alt+ArrowDown")).toBe(false);
  });
});

describe("a device is called at first", () => {
  it.each([
    ["Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36", "Chrome, Linux"],
    ["Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Windows"],
    ["Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 Version/18.0 Safari/604.1", "Safari, iPhone"],
    ["curl/8", "Browser"],
  ])("%s", async (agent, name) => {
    const { deviceName } = await import("../../src/views/login/device");
    expect(deviceName(agent)).toBe(name);
  });
});
