// By keyboard alone, and by what a screen reader is told: nothing here points at anything. Where the focus is, and what it is
// called there, is read from Chromium's own accessibility tree.
import { describe, expect, it } from "vitest";
import type { Page } from "playwright-core";
import { anton, drawn, sales, screens } from "./page";

const open = screens();
const id = "vertrieb-nord@rooms.brenner.example";

/** What has the focus, as a screen reader names it: role and name. */
async function focused(page: Page): Promise<string> {
  const devtools = await page.context().newCDPSession(page);
  try {
    const { result } = await devtools.send("Runtime.evaluate", { expression: "document.activeElement" });
    const { nodes } = await devtools.send("Accessibility.getPartialAXTree", { objectId: result.objectId!, fetchRelatives: false });
    return `${nodes[0]?.role?.value ?? ""} ${nodes[0]?.name?.value ?? ""}`;
  } finally {
    await devtools.detach();
  }
}

/** Waits until something of that name has the focus. */
const at = (page: Page, name: RegExp) => expect.poll(() => focused(page), { timeout: 60_000 }).toMatch(name);

/** Goes on with a key until something of that name has the focus. */
async function reach(page: Page, name: RegExp, key = "Tab"): Promise<void> {
  const passed: string[] = [];
  while (passed.length < 80) {
    await page.keyboard.press(key);
    const here = await focused(page);
    if (name.test(here)) return;
    passed.push(here);
  }
  throw new Error(`${name} is not reached by ${key}, but: ${passed.join(", ")}`);
}

/** Opens the menu of the newest message. */
async function menuOfNewest(page: Page): Promise<void> {
  await drawn(page, id);
  await at(page, /^textbox Message to/);
  await reach(page, /^article /, "Shift+Tab");
  await reach(page, /^button More actions/);
  await page.keyboard.press("Enter");
  await at(page, /^menuitem /);
}

describe("by keyboard alone", () => {
  it("a conversation with somebody is begun", async () => {
    const { page, commands } = await open("#/");
    await page.keyboard.press("Control+Shift+K");
    await at(page, /^combobox /);
    await page.keyboard.type("selin");
    await page.getByRole("option", { name: /Selin/ }).waitFor();
    await page.keyboard.press("Enter");
    await expect.poll(() => commands("openChat")).toHaveLength(1);
    await page.getByRole("dialog").waitFor({ state: "detached" });
  });

  it("a group is made", async () => {
    const { page, commands } = await open("#/");
    await page.keyboard.press("Control+Shift+K");
    await at(page, /^combobox /);
    await reach(page, /^button Group/, "Shift+Tab");
    await page.keyboard.press("Enter");
    await at(page, /^textbox Name of the group/);
    await page.keyboard.type("Fair");
    await reach(page, /^combobox /);
    await page.keyboard.type("selin");
    await page.getByRole("option", { name: /Selin/ }).waitFor();
    await page.keyboard.press("Enter");
    await reach(page, /^button Create group/);
    await page.keyboard.press("Enter");
    await expect.poll(() => commands("createGroup")).toEqual([{ type: "createGroup", name: "Fair", members: ["selin@brenner.example"] }]);
  });

  it("a file is sent", async () => {
    const { page } = await open(anton);
    await at(page, /^textbox Message to Anton/);
    await reach(page, /^button Attach files/, "Shift+Tab");
    const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.keyboard.press("Enter")]);
    await chooser.setFiles([{ name: "plan.pdf", mimeType: "application/pdf", buffer: Buffer.alloc(2_000) }]);
    await page.getByRole("textbox", { name: "Caption: plan.pdf" }).waitFor();
    await reach(page, /^button Send/);
    await page.keyboard.press("Enter");
    await expect.poll(() => page.getByRole("progressbar").count()).toBe(1);
  });

  it("a message is pinned, and found among the pins", async () => {
    const { page, commands } = await open(`?pinned${sales}`);
    await menuOfNewest(page);
    await reach(page, /^menuitem Pin for everybody/, "ArrowDown");
    await page.keyboard.press("Enter");
    await expect.poll(() => commands("pin")).toHaveLength(1);
    await reach(page, /^button Pinned messages \(2\)/, "Shift+Tab");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog", { name: "Pinned messages" }).waitFor();
    await reach(page, /^button Yusuf/);
    await page.keyboard.press("Enter");
    await at(page, /^article Yusuf/);
  });

  it("one is reminded of a message", async () => {
    const { page, commands } = await open(sales);
    await menuOfNewest(page);
    await reach(page, /^menuitem Remind me/, "ArrowDown");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog", { name: "Remind me of this message" }).waitFor();
    await reach(page, /^button In 1 hour/);
    await page.keyboard.press("Enter");
    await expect.poll(() => commands("remind")).toHaveLength(1);
  });

  it("settings are changed, and left", async () => {
    const { page } = await open("#/");
    await page.keyboard.press("Control+,");
    const settings = page.getByRole("dialog", { name: "Settings" });
    await settings.waitFor();
    await reach(page, /^button Profile/);
    await page.keyboard.press("Enter");
    await reach(page, /^textbox /);
    await reach(page, /^button General/, "Shift+Tab");
    await page.keyboard.press("Enter");
    await reach(page, /^switch /);
    const before = await page.evaluate(() => (document.activeElement as HTMLInputElement).checked);
    await page.keyboard.press("Space");
    await expect.poll(() => page.evaluate(() => (document.activeElement as HTMLInputElement).checked)).toBe(!before);
    await page.keyboard.press("Escape");
    await settings.waitFor({ state: "detached" });
  });

  it("a device is compared", async () => {
    const { page, commands } = await open(`?details${anton}`);
    await page.getByRole("complementary").waitFor();
    await reach(page, /^button Devices/);
    await page.keyboard.press("Enter");
    await reach(page, /^button Compare/);
    await page.keyboard.press("Enter");
    await page.getByRole("tab").first().waitFor();
    await reach(page, /^tab /);
    await reach(page, /^button They match/);
    await page.keyboard.press("Enter");
    await expect.poll(() => commands("verify")).toHaveLength(1);
  });
});

describe("a screen reader", () => {
  it("has a name for all that can be used, in the places that are new", async () => {
    for (const screen of [`?pinned&details${sales}`, `?details${anton}`, "?request#/"]) {
      const { page } = await open(screen);
      await page.locator("nav a").first().waitFor();
      const devtools = await page.context().newCDPSession(page);
      const { nodes } = await devtools.send("Accessibility.getFullAXTree");
      const used = /^(button|link|textbox|combobox|checkbox|switch|radio|tab|menuitem|option|slider|searchbox|img|image|dialog|article)$/;
      const nameless = nodes.filter((node) => !node.ignored && used.test(node.role?.value as string) && !(node.name?.value as string)?.trim());
      expect(nameless.map((node) => node.role?.value)).toEqual([]);
      expect(nodes.filter((node) => node.role?.value === "main")).toHaveLength(1);
    }
  });
});
