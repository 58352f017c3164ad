import { describe, expect, it } from "vitest";
import { drawn, moving, sales, screens, settled } from "./page";

const open = screens();
const id = "vertrieb-nord@rooms.brenner.example";

describe("the timeline", () => {
  it("keeps in its place what one looks at while earlier messages come", async () => {
    const { page } = await open(sales);
    await drawn(page, id);
    const scroller = page.locator(".scroller");
    await scroller.evaluate((element) => (element.scrollTop = 250));
    await settled(page);
    const message = page.locator("[data-message]").nth(5);
    const before = await message.evaluate((element) => [element.getAttribute("data-id"), Math.round(element.getBoundingClientRect().top)] as const);
    await page.evaluate((conversation) => {
      const { items } = window.engine.timelines.get(conversation)!;
      const first = items.find((item) => item.type === "message");
      if (first?.type !== "message") return;
      const earlier = Array.from({ length: 60 }, (_, at) => {
        const key = `0000${String(at).padStart(20, "0")}`;
        return { ...first, id: key, message: { ...first.message, key, sender: { ...first.message.sender, id: String(at) } } };
      });
      window.engine.show(conversation, [...earlier, ...items]);
    }, id);
    await drawn(page, id);
    const top = await page.locator(`[data-id="${before[0]}"]`).evaluate((element) => Math.round(element.getBoundingClientRect().top));
    expect(Math.abs(top - before[1])).toBeLessThanOrEqual(1);
  });

  it("stays at the newest, and says how many came while one was not there", async () => {
    const { page } = await open(sales);
    const add = () =>
      page.evaluate((conversation) => {
        const { items } = window.engine.timelines.get(conversation)!;
        const first = items.find((item) => item.type === "message")!;
        if (first.type !== "message") return;
        const key = `f${String(items.length).padStart(23, "0")}`;
        window.engine.show(conversation, [...items, { ...first, id: key, message: { ...first.message, key } }]);
      }, id);
    const below = () => page.locator(".scroller").evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight);
    await drawn(page, id);
    const count = await page.locator("[data-message]").count();
    await add();
    await page.locator("[data-message]").nth(count).waitFor();
    await expect.poll(() => below()).toBeLessThan(2);
    await page.locator(".scroller").evaluate((element) => (element.scrollTop = 0));
    const jump = page.getByRole("button", { name: /^Jump to the latest/ });
    await jump.waitFor();
    await add();
    await page.getByRole("button", { name: "Jump to the latest, 1 new message" }).click();
    await jump.waitFor({ state: "detached" });
    await expect.poll(() => below()).toBeLessThan(2);
  });

  it("stays at the newest when what is pinned takes some of its room", async () => {
    const { page } = await open(`?pinned${sales}`, { width: 390, height: 844 });
    await drawn(page, id);
    await page.getByRole("region", { name: "Pinned messages" }).waitFor();
    const below = () => page.locator(".scroller").evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight);
    await expect.poll(() => below()).toBeLessThan(2);
    await page.getByRole("button", { name: /^Jump to the latest/ }).waitFor({ state: "detached" });
  });

  it("shows the newest to somebody who writes", async () => {
    const { page } = await open(sales);
    await drawn(page, id);
    await page.locator(".scroller").evaluate((element) => (element.scrollTop = 0));
    await page.getByRole("button", { name: /^Jump to the latest/ }).waitFor();
    const field = page.getByRole("textbox");
    await field.fill("yes");
    await field.press("Enter");
    await page.getByRole("button", { name: /^Jump to the latest/ }).waitFor({ state: "detached" });
  });

  it("what comes while one looks is seen", async () => {
    const { page, commands } = await open(sales);
    await drawn(page, id);
    expect(await commands("markRead")).toEqual([]);
    await page.evaluate((conversation) => window.engine.list((row) => (row.id === conversation ? { ...row, unread: 1 } : row)), id);
    await page.waitForFunction(() => window.engine.commands.some((command) => command.type === "markRead"));
  });

  it("an answer leads to what it answers", async () => {
    const { page } = await open(sales);
    await drawn(page, id);
    // It is marked for a moment: who looks late looks at what has been.
    await page.locator("[data-message]").nth(3).evaluate((target) => {
      new MutationObserver((_, all) => {
        if (!target.classList.contains("flashed")) return;
        document.documentElement.dataset["flashed"] = "yes";
        all.disconnect();
      }).observe(target, { attributes: true });
    });
    await page.getByRole("button", { name: /^Reply to Anton/ }).click();
    await page.locator("[data-flashed]").waitFor();
  });

  it("reactions are added and taken back", async () => {
    const { page, commands } = await open(sales);
    await page.getByRole("button", { name: /^👍/ }).click();
    await page.getByRole("button", { name: /^🎉/ }).click();
    await expect.poll(async () => (await commands("react")).map(({ reactions }) => reactions)).toEqual([[], ["👍", "🎉"]]);
  });

  it("is read with the arrow keys, and acted on with the menu", async () => {
    const { page, commands } = await open(sales);
    await drawn(page, id);
    await page.locator("[data-message]").last().focus();
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("ArrowDown");
    const last = page.locator("[data-message]").last();
    await expect.poll(() => last.evaluate((element) => element === document.activeElement)).toBe(true);
    await last.getByRole("button", { name: "More actions" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("menu").waitFor();
    await page.keyboard.press("d");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
    await expect.poll(() => commands("remove")).toHaveLength(1);
  });

  it("tells what was seen, and that one has left", async () => {
    const { page, commands } = await open(moving);
    await page.waitForFunction(() => window.engine.commands.some((command) => command.type === "markRead"));
    await drawn(page, decodeURIComponent(moving.slice("#/chat/".length)));
    const newest = await page.locator("[data-message]").last().getAttribute("data-id");
    await expect.poll(async () => (await commands("markRead")).at(-1)?.message).toBe(newest);
    await page.keyboard.press("Alt+ArrowUp");
    await page.waitForFunction(() => window.engine.commands.some((command) => command.type === "leave"));
  });

  it("a failed message can be sent again", async () => {
    const { page, commands } = await open(moving);
    await page.getByRole("button", { name: "Send again" }).click();
    await expect.poll(() => commands("resend")).toHaveLength(1);
  });
});

describe("a hostile sender", () => {
  const hostile = async (text: string, spans?: unknown) => {
    const { page, errors } = await open(sales);
    await drawn(page, id);
    await page.evaluate(
      ([conversation, words, tree]) => {
        const { items } = window.engine.timelines.get(conversation as string)!;
        const last = items.at(-1)!;
        if (last.type !== "message") return;
        const message = structuredClone(last.message);
        message.key = "f".repeat(24);
        message.sender = { name: `\u202e${String(words).slice(0, 5_000)}`, account: null, id: "x", own: false };
        message.body = {
          type: "text",
          blocks: [{ type: "line", spans: (tree as never) ?? [{ type: "text", text: words as string }] }],
          onlyEmoji: null,
          source: words as string,
          attachments: [],
          previews: [{ url: "javascript:alert(1)", host: "evil", title: "evil", description: null, siteName: null, picture: null, pictureAlt: null }],
        };
        window.engine.show(conversation as string, [...items, { type: "message", id: message.key, message }]);
      },
      [id, text, spans] as const,
    );
    const line = page.locator(`[data-id="${"f".repeat(24)}"]`);
    await line.waitFor();
    const sideways = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
    return { page, line, errors, sideways };
  };

  it("is shown as what he wrote, not read as HTML", async () => {
    const text = '<img src=x onerror="document.title=1"><script>document.title=1</script><a href=javascript:alert(1)>x</a>';
    const { page, line, errors } = await hostile(text);
    expect(await line.innerText()).toContain(text);
    expect(await line.locator("img, script, a").count()).toBe(0);
    expect(await page.title()).not.toBe("1");
    expect(errors).toEqual([]);
  });

  it("gets no link that runs something", async () => {
    const { line } = await hostile("x", [{ type: "link", url: "javascript:alert(1)", text: "harmless" }]);
    expect(await line.locator("a").count()).toBe(0);
    expect(await line.innerText()).toContain("harmless");
  });

  it("does not break the page with a megabyte without a space", async () => {
    const { line, sideways, errors } = await hostile("a".repeat(1_000_000));
    expect(sideways).toBe(false);
    await expect.poll(async () => (await line.innerText()).length).toBeLessThan(10_000);
    expect(errors).toEqual([]);
  });

  it("does not break the page with ten thousand emoji", async () => {
    const { line } = await hostile("🎉", Array.from({ length: 10_000 }, () => ({ type: "emoji", text: "🎉" })));
    await expect.poll(() => line.locator(".emoji").count()).toBeLessThan(500);
    await line.getByRole("button", { name: "Show all" }).waitFor();
  });

  it("does not turn the words of others around", async () => {
    const { line } = await hostile("\u202e drow");
    // Names and words stand each in an isolation of their own.
    await expect.poll(() => line.locator(".who bdi").count()).toBe(1);
    await expect.poll(() => line.locator(".text").evaluate((element) => getComputedStyle(element).unicodeBidi)).toBe("isolate");
  });
});
