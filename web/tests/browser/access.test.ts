// For everybody: pages that are enlarged until 320 px are left, high contrast, and what screen readers say of what comes by itself.
import { describe, expect, it } from "vitest";
import type { Page } from "playwright-core";
import { anton, drawn, sales, screens } from "./page";

const open = screens();
const id = "vertrieb-nord@rooms.brenner.example";

/** What stands out of the window or of what holds it sideways, and cannot be scrolled to. */
const cutOff = (page: Page) =>
  page.evaluate(() => {
    const whole = document.documentElement;
    const dialog = [...document.querySelectorAll<HTMLElement>("dialog[open]")].at(-1);
    const wide = [whole, ...document.querySelectorAll<HTMLElement>(".scroll")].filter((one) => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX !== "hidden");
    const out = [...(dialog ?? document.body).querySelectorAll<HTMLElement>("button, input, textarea, a[href]")].filter((one) => {
      if (!one.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || one.closest(".visually-hidden, .skip")) return false;
      const box = one.getBoundingClientRect();
      return box.width > 1 && box.height > 1 && (box.left < -1 || box.right > whole.clientWidth + 1);
    });
    return [...wide, ...out].map((one) => `${one.tagName} ${one.className} ${one.ariaLabel ?? one.textContent?.trim().slice(0, 40)}`);
  });

const press = (keys: string) => (page: Page) => page.keyboard.press(keys);
const places: [string, string, ((page: Page) => Promise<void>)?][] = [
  ["a conversation", sales],
  ["one's settings", "#/", press("Control+,")],
  ["a new conversation", "#/", press("Control+Shift+K")],
  ["the switcher", "#/", press("Control+K")],
  ["the settings of a room", `${sales}`, async (page) => {
    await page.locator("header .who").click();
    await page.getByRole("complementary").getByRole("button", { name: "Settings", exact: true }).click();
    await page.getByRole("dialog").getByRole("radio").first().waitFor();
  }],
  ["comparing a device", anton, async (page) => {
    await page.locator("header .who").click();
    await page.getByRole("button", { name: "Devices" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Compare" }).first().click();
    await page.getByRole("tab").first().waitFor();
  }],
];

describe("enlarged", () => {
  // WCAG 2.2, 1.4.4 and 1.4.10: a window of 1280 px at 200 %, and at 400 %.
  it.each([
    [640, 512],
    [320, 512],
  ])("everything is there at %i px without sideways scrolling", async (width, height) => {
    for (const [name, at, run] of places) {
      const { page } = await open(at, { width, height });
      await page.evaluate(() => document.fonts.ready);
      await run?.(page);
      if (run) await page.getByRole("dialog").first().waitFor();
      await expect.poll(() => cutOff(page), { message: name }).toEqual([]);
      // What the dialog is left with is on the window as well.
      if (run) {
        const box = (await page.getByRole("dialog").last().boundingBox())!;
        expect([name, Math.floor(box.y) >= 0, box.y + box.height <= height + 1]).toEqual([name, true, true]);
      }
      await page.context().close();
    }
  });

  it("there is room to read above the composer where the window is low", async () => {
    const { page } = await open(sales, { width: 640, height: 360 });
    await drawn(page, id);
    const composer = (await page.locator(".composer").boundingBox())!;
    expect(composer.y + composer.height).toBeLessThanOrEqual(360);
    expect((await page.locator(".scroller").boundingBox())!.height).toBeGreaterThan(100);
  });
});

describe("in high contrast", () => {
  it("the open conversation and the focus stand out without a colour of ours", async () => {
    const { page } = await open(sales);
    await page.emulateMedia({ forcedColors: "active" });
    await drawn(page, id);
    const outlined = (all: Element[]) => all.map((one) => Number.parseFloat(getComputedStyle(one).outlineWidth) * Number(getComputedStyle(one).outlineStyle !== "none"));
    expect((await page.locator("nav [aria-current=page]").evaluateAll(outlined)).filter((width) => width >= 1).length).toBeGreaterThan(0);
    await page.keyboard.press("Tab");
    await expect.poll(() => page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle)).not.toBe("none");
    await expect.poll(() => page.evaluate(() => Number.parseFloat(getComputedStyle(document.activeElement!).outlineWidth))).toBeGreaterThanOrEqual(2);
  });
});

describe("what comes by itself is said to who cannot see it", () => {
  it("with its sender where one is, with its place where one is not, and twice when it is said twice", async () => {
    const { page } = await open(sales);
    await page.bringToFront();
    const said = () => page.locator("[aria-live=polite]").first().evaluate((element) => element.textContent);
    const comes = (conversation: string, title: string, sender: string, text: string) =>
      page.evaluate(
        ([conversation, title, sender, text]) =>
          window.engine.tell({ type: "message", conversation: conversation!, title: title!, sender: sender!, text: text!, message: "f".repeat(24), notify: true } as never),
        [conversation, title, sender, text],
      );
    await comes(id, "Sales North", "Jana Wirth", "The offer is out");
    await expect.poll(said).toBe("Jana Wirth: The offer is out");
    await comes(id, "Sales North", "Jana Wirth", "The offer is out");
    await expect.poll(said).toBe("Jana Wirth: The offer is out\u00a0");
    await comes("anton@brenner.example", "Anton Lindqvist", "", "In private");
    await expect.poll(said).toContain("Anton Lindqvist");
    // Of elsewhere it is said where, not what.
    expect(await said()).not.toContain("In private");
  });
});
