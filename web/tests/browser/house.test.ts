import { describe, expect, it } from "vitest";
import { anton, sales, screens } from "./page";

const open = screens();

describe("keys", () => {
  it("go from one conversation to the next, and to the next unread", async () => {
    const { page } = await open(sales);
    const heading = page.getByRole("heading", { level: 1 });
    await page.keyboard.press("Alt+ArrowDown");
    await page.keyboard.press("Alt+ArrowDown");
    await expect.poll(() => heading.textContent()).toBe("Selin Baran");
    await page.keyboard.press("Alt+Shift+ArrowDown");
    await expect.poll(() => heading.textContent()).toBe("Move to hall 4");
    await page.keyboard.press("Alt+Shift+ArrowUp");
    await expect.poll(() => heading.textContent()).toBe("Anton Lindqvist");
  });

  it("Ctrl+K finds people, conversations, commands and messages", async () => {
    const { page, errors } = await open("#/");
    await page.keyboard.press("Control+k");
    const field = page.getByRole("combobox", { name: "Search and jump" });
    await field.fill("hall");
    await page.getByRole("option", { name: /Move to hall 4/ }).waitFor();
    await field.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Move to hall 4" }).waitFor();
    await page.keyboard.press("Control+k");
    await field.fill("offer");
    await page.getByRole("group", { name: "Messages" }).getByRole("option").first().click();
    await page.getByRole("heading", { level: 1, name: "Sales North" }).waitFor();
    await page.keyboard.press("Control+k");
    await field.fill("dark");
    await page.getByRole("option", { name: "Dark colours" }).waitFor();
    await field.press("Enter");
    await page.waitForFunction(() => document.documentElement.dataset["theme"] === "dark");
    await page.keyboard.press("Control+k");
    await field.fill("somebody@else.example");
    await page.getByRole("option", { name: "Write to somebody@else.example" }).waitFor();
    expect(errors).toEqual([]);
  });

  it("walk through the list with one stop for Tab", async () => {
    const { page } = await open(sales);
    await expect.poll(() => page.locator("nav a[tabindex='0']").count()).toBe(1);
    await page.locator("nav a[tabindex='0']").focus();
    await page.keyboard.press("ArrowDown");
    await page.waitForFunction(() => document.activeElement?.textContent?.includes("Anton"));
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Anton Lindqvist" }).waitFor();
  });

  it("give the focus back when a dialog is closed", async () => {
    const { page } = await open("#/");
    const button = page.getByRole("navigation", { name: "Conversations" }).getByRole("button", { name: "New conversation" });
    await button.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await expect.poll(() => button.evaluate((element) => element === document.activeElement)).toBe(true);
  });
});

describe("dialogs", () => {
  it("make a group of those who were chosen", async () => {
    const { page, commands } = await open("#/");
    await page.keyboard.press("Control+Shift+k");
    await page.getByRole("dialog").getByRole("button", { name: /^Group/ }).click();
    await page.getByRole("button", { name: "Create group" }).click();
    await page.getByText("Please give it a name.").waitFor();
    await page.getByRole("textbox", { name: "Name of the group" }).fill("Fair");
    const people = page.getByRole("combobox");
    await people.fill("sel");
    await page.getByRole("option", { name: /Selin/ }).waitFor();
    await people.press("Enter");
    await people.fill("jana");
    await page.getByRole("option", { name: /Jana/ }).waitFor();
    await people.press("Enter");
    await page.getByRole("button", { name: "Create group" }).click();
    await expect.poll(() => commands("createGroup")).toEqual([{ type: "createGroup", name: "Fair", members: ["selin@brenner.example", "jana@brenner.example"] }]);
  });

  it("compare a device by what both show", async () => {
    const { page, commands } = await open(`?details${anton}`);
    await page.getByRole("button", { name: /^Devices/ }).click();
    await page.getByRole("button", { name: "Compare" }).first().click();
    await page.getByRole("button", { name: "They match" }).click();
    await expect.poll(() => commands("verify")).toEqual([{ type: "verify", account: "anton@brenner.example", identity: "identity-2377" }]);
  });

  it("warn before signing out, and ask for a yes", async () => {
    const { page } = await open("#/");
    await page.getByRole("button", { name: /Mara/ }).click();
    await page.getByRole("button", { name: "Sign out", exact: true }).click();
    const button = page.getByRole("button", { name: "Sign out and delete" });
    await expect.poll(() => button.isDisabled()).toBe(true);
    await page.getByRole("checkbox").check();
    await expect.poll(() => button.isEnabled()).toBe(true);
  });

  it("ask before what is said is encrypted no more", async () => {
    const { page, commands } = await open(`?details${anton}`);
    await page.getByRole("switch", { name: "Encrypt" }).click();
    await page.getByRole("button", { name: "Stop encrypting" }).click();
    await expect.poll(() => commands("setEncryption")).toEqual([{ type: "setEncryption", conversation: "anton@brenner.example", on: false }]);
  });

  it("change the language at once", async () => {
    const { page } = await open("#/");
    await page.keyboard.press("Control+,");
    await page.getByRole("radio", { name: "Deutsch" }).click();
    await page.getByRole("button", { name: /Suchen oder springen/ }).waitFor();
    await expect.poll(() => page.locator("html").getAttribute("lang")).toBe("de");
  });
});

describe("shapes", () => {
  it("the conversation fills the window, and the composer stands at its foot", async () => {
    for (const [width, height] of [
      [1440, 900],
      [390, 844],
      [360, 800],
    ] as const) {
      const { page } = await open(sales, { width, height });
      await page.getByRole("textbox").waitFor();
      const main = await page.locator("#conversation").boundingBox();
      const composer = await page.locator(".composer").boundingBox();
      expect([width, Math.round(main!.y + main!.height)]).toEqual([width, height]);
      expect(composer!.y + composer!.height).toBeGreaterThan(height - 40);
      expect(composer!.width).toBeGreaterThan(Math.min(width, 700) - 40);
    }
  });

  it("a narrow window has the list and the conversation as two pages, with a real way back", async () => {
    const { page } = await open("#/", { width: 390, height: 844 });
    await page.getByRole("link", { name: /Anton/ }).click();
    await page.getByRole("heading", { level: 1, name: "Anton Lindqvist" }).waitFor();
    await expect.poll(() => page.getByRole("navigation", { name: "Conversations" }).count()).toBe(0);
    await page.goBack();
    await page.getByRole("navigation", { name: "Conversations" }).waitFor();
    await page.getByRole("link", { name: /Anton/ }).click();
    await page.getByRole("button", { name: "Back" }).click();
    await page.getByRole("navigation", { name: "Conversations" }).waitFor();
  });

  it.each([320, 360, 480, 721, 1000, 1179, 1440, 2560])("nothing scrolls sideways at %i px", async (width) => {
    for (const at of ["#/", sales, `?details${sales}`, "?signedOut", "?offline#/"]) {
      const { page } = await open(at, { width, height: 700 });
      await page.evaluate(() => document.fonts.ready);
      await expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBe(0);
      await page.context().close();
    }
  });

  it("is mirrored where one writes from right to left", async () => {
    const { page } = await open(sales, { rtl: true });
    const list = (await page.getByRole("navigation", { name: "Conversations" }).boundingBox())!;
    const main = (await page.getByRole("main").boundingBox())!;
    expect(list.x).toBeGreaterThan(main.x);
  });

  it("fingers find what they aim at", async () => {
    const { page } = await open(sales, { width: 390, height: 844 });
    await page.getByRole("textbox").waitFor();
    const small = await page.locator("header button, .composer button").evaluateAll((all) =>
      all.filter((one) => one.getBoundingClientRect().height < 40).map((one) => one.getAttribute("aria-label")),
    );
    expect(small).toEqual([]);
  });
});

describe("states in words", () => {
  it("offline, and what becomes of what one writes", async () => {
    const { page } = await open(`?offline${sales}`);
    await page.getByRole("status").getByText("goes out as soon as you are connected").waitFor();
  });

  it("a new device of one's own, until somebody has looked", async () => {
    const { page } = await open("#/");
    await page.evaluate(() => window.engine.tell({ type: "newOwnDevice", device: 7 }));
    await page.getByRole("alert").getByRole("button", { name: "Look at it" }).click();
    await page.getByRole("dialog", { name: "Settings" }).waitFor();
  });

  it("who would like to see when one is online", async () => {
    const { page, commands } = await open("?request#/");
    await page.getByRole("button", { name: "Allow" }).click();
    await expect.poll(() => commands("answerContact")).toEqual([{ type: "answerContact", account: "kai@partner.example", allow: true }]);
  });

  it("a thousand conversations draw only what can be seen", async () => {
    const { page } = await open("#/");
    await page.evaluate(() => {
      const row = window.engine.rows.at(-1)!;
      window.engine.rows = Array.from({ length: 1_000 }, (_, at) => ({ ...row, id: `r${at}@rooms.brenner.example`, name: `Room ${at}` }));
      window.engine.list((one) => one);
    });
    await page.getByText("Room 3", { exact: true }).waitFor();
    await expect.poll(() => page.locator("nav li").count()).toBeLessThan(80);
    await page.locator(".rows").evaluate((element) => (element.scrollTop = element.scrollHeight));
    await page.getByText("Room 999").waitFor();
  });
});
