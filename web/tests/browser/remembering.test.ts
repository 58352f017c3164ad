import { describe, expect, it } from "vitest";
import { sales, screens } from "./page";

const open = screens();
const id = "vertrieb-nord@rooms.brenner.example";

describe("what is to be found again", () => {
  it("a message is pinned from its menu, and what is pinned stands above the timeline", async () => {
    const { page, commands } = await open(sales);
    const message = page.locator("[data-message]").first();
    await message.hover();
    await message.getByRole("button", { name: "More actions" }).click();
    await page.getByRole("menuitem", { name: "Pin for everybody" }).click();
    const key = await message.getAttribute("data-id");
    expect(await commands("pin")).toEqual([{ type: "pin", conversation: id, message: key, pinned: true }]);
  });

  it("one is reminded of a message at a time that one chooses", async () => {
    const { page, commands } = await open(sales);
    const message = page.locator("[data-message]").first();
    await message.hover();
    await message.getByRole("button", { name: "More actions" }).click();
    await page.getByRole("menuitem", { name: "Remind me" }).click();
    await page.getByRole("button", { name: /^In 1 hour/ }).click();
    const [command] = await commands("remind");
    expect(command).toMatchObject({ type: "remind", conversation: id, message: await message.getAttribute("data-id") });
    expect((command as { at: number }).at).toBeGreaterThan(0);
  });

  it("a time that is over is not taken", async () => {
    const { page, commands } = await open(sales);
    const message = page.locator("[data-message]").first();
    await message.hover();
    await message.getByRole("button", { name: "More actions" }).click();
    await page.getByRole("menuitem", { name: "Remind me" }).click();
    await page.getByLabel("At another time").fill("2001-01-01T08:00");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByText("This time is over. Choose a later one.").waitFor();
    expect(await commands("remind")).toEqual([]);
  });

  it("a reminder shows, and leads to its message", async () => {
    const { page } = await open(sales);
    await page.locator("[data-message]").first().waitFor();
    await page.evaluate((conversation) => {
      const item = window.engine.timelines.get(conversation)!.items.find((one) => one.type === "message")!;
      window.engine.tell({ type: "reminder", conversation, message: item.id, title: "Sales North", text: "Page 3" });
    }, id);
    await page.getByText("Sales North: You wanted to be reminded: Page 3").waitFor();
    // It is marked for a moment: who looks late looks at what has been.
    await page.evaluate(() => {
      new MutationObserver(() => {
        if (document.querySelector("[data-message].flashed")) document.documentElement.dataset["flashed"] = "yes";
      }).observe(document.body, { attributes: true, childList: true, subtree: true });
    });
    await page.getByRole("button", { name: "Show", exact: true }).click();
    await page.locator("[data-flashed]").waitFor();
  });

  it("a conversation is muted for a time", async () => {
    const { page, commands } = await open(sales);
    await page.getByRole("button", { name: "More about this conversation" }).click();
    await page.getByRole("menuitem", { name: "Mute for a time" }).click();
    await page.getByRole("button", { name: /^For 8 hours/ }).click();
    expect(await commands("mute")).toMatchObject([{ type: "mute", conversation: id }]);
  });

  it("a picture of any size becomes a small square one without what the camera wrote", async () => {
    const { page, commands } = await open(sales);
    await page.keyboard.press("Control+,");
    await page.getByRole("navigation", { name: "Settings" }).getByRole("button", { name: "Profile" }).click();
    const big = await page.evaluate(async () => {
      const canvas = new OffscreenCanvas(1600, 900);
      canvas.getContext("2d")!.fillRect(0, 0, 1600, 900);
      const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: "image/jpeg" })).arrayBuffer());
      return [...bytes];
    });
    await page.setInputFiles("input[type=file][accept^='image/png']", { name: "me.jpg", mimeType: "image/jpeg", buffer: Buffer.from(big) });
    await page.waitForFunction(() => window.engine.commands.some((command) => command.type === "setPicture"));
    const [command] = (await commands("setPicture")) as { picture: { width: number; height: number; mediaType: string; data: string } }[];
    expect(command!.picture).toMatchObject({ width: 192, height: 192, mediaType: "image/png" });
    expect(Buffer.from(command!.picture.data, "base64").subarray(1, 4).toString()).toBe("PNG");
  });
});
