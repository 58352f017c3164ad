import { describe, expect, it } from "vitest";
import { anton, drawn, sales, screens } from "./page";

const open = screens();
const id = "vertrieb-nord@rooms.brenner.example";

describe("writing", () => {
  it("Enter sends, Shift and Enter break the line", async () => {
    const { page, commands } = await open(sales);
    const field = page.getByRole("textbox", { name: "Message to Sales North" });
    await field.pressSequentially("one");
    await field.press("Shift+Enter");
    await field.pressSequentially("two");
    await field.press("Enter");
    await expect.poll(() => field.inputValue()).toBe("");
    await expect.poll(() => commands("send")).toEqual([{ type: "send", conversation: id, draft: { text: "one\ntwo", mentions: [], reply: null, privateTo: null } }]);
  });

  it("says that one is typing, and that one has stopped", async () => {
    const { page, commands } = await open(sales);
    await page.getByRole("textbox", { name: "Message to Sales North" }).pressSequentially("hi");
    await page.keyboard.press("Enter");
    await expect.poll(async () => (await commands("typing")).map(({ typing }) => typing)).toEqual([true, false]);
  });

  it("mentions people by their names", async () => {
    const { page, commands } = await open(sales);
    const field = page.getByRole("textbox", { name: "Message to Sales North" });
    await field.pressSequentially("hello @an");
    await page.getByRole("option", { name: "Anton Lindqvist" }).waitFor();
    await field.press("Enter");
    await expect.poll(() => field.inputValue()).toBe("hello @Anton Lindqvist ");
    await field.pressSequentially("yes");
    await field.press("Enter");
    await expect.poll(() => commands("send")).toHaveLength(1);
    const [sent] = await commands("send");
    expect(sent?.draft.mentions).toEqual([{ begin: 6, end: 22, account: "anton@brenner.example" }]);
  });

  it("completes emoji by their names", async () => {
    const { page } = await open(sales);
    const field = page.getByRole("textbox", { name: "Message to Sales North" });
    await field.pressSequentially("nice :smi");
    await page.getByRole("option", { name: /:smile:/ }).waitFor();
    await field.press("Tab");
    await expect.poll(() => field.inputValue()).toBe("nice 😄");
  });

  it("finds emoji in the picker, and puts them where the caret is", async () => {
    const { page, errors } = await open(sales);
    const field = page.getByRole("textbox", { name: "Message to Sales North" });
    await field.fill("ab");
    await field.press("ArrowLeft");
    await page.getByRole("button", { name: "Insert emoji" }).click();
    await page.getByRole("searchbox", { name: "Search emoji" }).fill("rocket");
    await page.getByRole("button", { name: "rocket" }).waitFor();
    await page.keyboard.press("Enter");
    await expect.poll(() => field.inputValue()).toBe("a🚀b");
    expect(errors).toEqual([]);
  });

  it("the arrow up changes the last message; Escape gives back what was there", async () => {
    const { page, commands } = await open(sales);
    await drawn(page, id);
    const field = page.getByRole("textbox");
    await field.press("ArrowUp");
    await expect.poll(() => field.inputValue()).toContain("Will do.");
    await field.press("Escape");
    await expect.poll(() => field.inputValue()).toBe("");
    await field.press("ArrowUp");
    await expect.poll(() => field.inputValue()).toContain("Will do.");
    await field.fill("Will do tomorrow.");
    await field.press("Enter");
    await expect.poll(() => commands("edit")).toHaveLength(1);
    const [edit] = await commands("edit");
    expect(edit?.draft.text).toBe("Will do tomorrow.");
    await expect.poll(() => field.inputValue()).toBe("");
  });

  it("answers with R, and takes the answer back with Escape", async () => {
    const { page, commands } = await open(sales);
    await drawn(page, id);
    await page.locator("[data-message]").nth(2).focus();
    await page.keyboard.press("r");
    await page.getByText("Reply to Anton Lindqvist").last().waitFor();
    await page.getByRole("textbox").press("Escape");
    await expect.poll(() => page.getByRole("button", { name: "Cancel reply" }).count()).toBe(0);
    await page.locator("[data-message]").nth(2).focus();
    await page.keyboard.press("r");
    await page.getByRole("button", { name: "Cancel reply" }).waitFor();
    const field = page.getByRole("textbox");
    await field.pressSequentially("fine");
    await field.press("Enter");
    await expect.poll(() => commands("send")).toHaveLength(1);
    const [sent] = await commands("send");
    expect(sent?.draft.reply).toBe(await page.locator("[data-message]").nth(2).getAttribute("data-id"));
  });

  it("styles what is selected", async () => {
    const { page } = await open(sales);
    const field = page.getByRole("textbox");
    await field.fill("word");
    await field.press("Control+a");
    await page.getByRole("button", { name: "Bold" }).click();
    await expect.poll(() => field.inputValue()).toBe("*word*");
    await field.press("Control+b");
    await expect.poll(() => field.inputValue()).toBe("word");
  });

  it("keeps a draft for each conversation", async () => {
    const { page, commands } = await open(sales);
    await page.getByRole("textbox", { name: "Message to Sales North" }).pressSequentially("later");
    await page.keyboard.press("Alt+ArrowDown");
    await page.getByRole("textbox", { name: "Message to Anton Lindqvist" }).waitFor();
    // Who types slowly has it kept in between, too.
    await expect.poll(async () => (await commands("setDraft")).at(-1)).toEqual({ type: "setDraft", conversation: id, text: "later" });
    await page.keyboard.press("Alt+ArrowUp");
    await expect.poll(() => page.getByRole("textbox", { name: "Message to Sales North" }).inputValue()).toBe("later");
  });

  it("shows files before they go, with a caption for each", async () => {
    const { page } = await open(anton);
    await page.locator("input[type=file]").setInputFiles([{ name: "plan.pdf", mimeType: "application/pdf", buffer: Buffer.alloc(2_000) }]);
    await page.getByRole("textbox", { name: "Caption: plan.pdf" }).fill("the plan");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByText("plan.pdf").waitFor();
    await expect.poll(() => page.getByRole("progressbar").count()).toBe(1);
  });

  it("says why nothing can be written", async () => {
    const { page } = await open("#/chat/alle%40rooms.brenner.example");
    await page.getByText("Only the management writes here.").waitFor();
    await expect.poll(() => page.getByRole("textbox").count()).toBe(0);
  });
});
