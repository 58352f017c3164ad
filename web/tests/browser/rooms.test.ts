import { describe, expect, it } from "vitest";
import { anton, moving, sales, screens } from "./page";
import type { Question } from "../../src/core/types";
import type { Opened } from "./page";

const open = screens();
const operations = "#/chat/betrieb%40rooms.brenner.example";

async function questions<A extends Question["ask"]>({ page }: Opened, ask: A): Promise<Extract<Question, { ask: A }>[]> {
  return (await page.evaluate((wanted) => window.engine.questions.filter((question) => question.ask === wanted), ask)) as never;
}

const salesRoom = "vertrieb-nord@rooms.brenner.example";

describe("settings of a room", () => {
  it("are fetched, changed and saved by an owner", async () => {
    const opened = await open(`?details${sales}`);
    const { page, errors } = opened;
    await page.getByRole("button", { name: "Settings", exact: true }).last().click();
    const dialog = page.getByRole("dialog", { name: "Group settings" });
    await dialog.getByRole("textbox", { name: "Name" }).fill("Sales, all of it");
    await dialog.getByRole("radio", { name: "Everyone here" }).check();
    await dialog.getByText("From now on the server and everyone who comes in can read").waitFor();
    await dialog.getByRole("radio", { name: "Only some" }).check();
    await dialog.getByRole("combobox", { name: "People who come new see" }).selectOption("20");
    await dialog.getByRole("button", { name: "Save" }).click();
    await page.getByText("The settings are saved.").waitFor();
    const [wanted] = await questions(opened, "setUpRoom");
    expect(wanted).toMatchObject({
      room: salesRoom,
      setup: { name: "Sales, all of it", membersOnly: false, listed: true, moderated: true, history: 20 },
    });
    expect(errors).toEqual([]);
  });

  it("stay open with words when the server refuses", async () => {
    const opened = await open(`?details${sales}`);
    const { page } = opened;
    await page.getByRole("button", { name: "Settings", exact: true }).last().click();
    const dialog = page.getByRole("dialog", { name: "Group settings" });
    await dialog.getByRole("textbox", { name: "Name" }).fill("");
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByText("Please give it a name.").waitFor();
    await dialog.getByRole("textbox", { name: "Name" }).fill("Another");
    await page.evaluate(() => (window.engine.refuses = "forbidden"));
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByRole("alert").getByText("You are not entitled to do this.").waitFor();
  });

  it("take a picture, cut square and small", async () => {
    const opened = await open(`?details${sales}`);
    const { page } = opened;
    await page.getByRole("button", { name: "Settings", exact: true }).last().click();
    const dialog = page.getByRole("dialog", { name: "Group settings" });
    await dialog.getByRole("button", { name: "Choose picture" }).waitFor();
    const picture = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
    await dialog.locator("input[type=file]").setInputFiles({ name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("no") });
    await dialog.getByText("This file is no picture").waitFor();
    await dialog.locator("input[type=file]").setInputFiles({ name: "a.png", mimeType: "image/png", buffer: Buffer.from(picture, "base64") });
    await dialog.getByRole("button", { name: "Remove picture" }).waitFor();
    await dialog.getByRole("button", { name: "Save" }).click();
    await page.getByText("The settings are saved.").waitFor();
    const [set] = await questions(opened, "setRoomPicture");
    expect(set?.picture).toMatchObject({ mediaType: "image/png", width: 192, height: 192 });
  });

  it("close it for good, with a reason, after asking", async () => {
    const opened = await open(`?details${moving}`);
    const { page } = opened;
    await page.getByRole("button", { name: "Close group for good" }).click();
    const dialog = page.getByRole("dialog", { name: "Close Move to hall 4 for good?" });
    await dialog.getByRole("textbox", { name: /Reason/ }).fill("We have moved");
    await dialog.getByRole("button", { name: "Close for good" }).click();
    await page.getByText("Move to hall 4 is closed.").waitFor();
    expect(await questions(opened, "closeRoom")).toEqual([{ ask: "closeRoom", room: "umzug-halle-4@rooms.brenner.example", reason: "We have moved" }]);
  });
});

describe("people in a room", () => {
  it("are made moderators, removed and banned, each with a word before", async () => {
    const opened = await open(`?details${sales}`);
    const { page } = opened;
    const act = async (name: string, entry: string, button: string, reason: string | null) => {
      await page.getByRole("button", { name: `Actions for ${name}` }).click();
      await page.getByRole("menuitem", { name: entry }).click();
      const dialog = page.getByRole("dialog");
      if (reason !== null) await dialog.getByRole("textbox", { name: /Reason/ }).fill(reason);
      await dialog.getByRole("button", { name: button, exact: true }).click();
      await dialog.waitFor({ state: "detached" });
    };
    await act("Jana Wirth", "Make moderator", "Make moderator", null);
    await act("Tomasz Rydel", "Remove", "Remove", null);
    await act("Yusuf Öztürk", "Ban", "Ban", "Advertising");
    const asked = (await questions(opened, "setAffiliation")).map(({ who, affiliation, reason }) => [who, affiliation, reason]);
    expect(asked).toEqual([
      ["jana@brenner.example", "admin", null],
      ["tomasz@brenner.example", "none", null],
      ["yusuf@brenner.example", "outcast", "Advertising"],
    ]);
  });

  it("offer nothing that one is not entitled to", async () => {
    const { page } = await open(`?details&member${sales}`);
    await page.getByRole("button", { name: "Actions for Jana Wirth" }).click();
    const entries = await page.getByRole("menuitem").allTextContents();
    expect(entries.map((one) => one.trim())).toEqual(["Write to Jana Wirth", "Devices"]);
    expect(await page.getByRole("button", { name: "Banned people" }).count()).toBe(0);
    expect(await page.getByRole("button", { name: "Close group for good" }).count()).toBe(0);
  });

  it("come back when a ban is lifted", async () => {
    const opened = await open(`?details${sales}`);
    const { page } = opened;
    await page.getByRole("button", { name: "Banned people" }).click();
    const dialog = page.getByRole("dialog", { name: "Banned people" });
    await dialog.getByText("Reason: Has sent advertising").waitFor();
    await dialog.getByRole("button", { name: "Lift the ban" }).first().click();
    await dialog.getByText("lotte@elsewhere.example").waitFor({ state: "detached" });
    expect((await questions(opened, "setAffiliation"))[0]).toMatchObject({ who: "lotte@elsewhere.example", affiliation: "none" });
  });

  it("are written to alone, and it stands out", async () => {
    const opened = await open(`?details${operations}`);
    const { page, commands } = opened;
    await page.getByText("Only Anton Lindqvist and you").waitFor();
    await page.getByText("Only to you").waitFor();
    await page.getByRole("button", { name: "Actions for Anton Lindqvist" }).click();
    await page.getByRole("menuitem", { name: "Write to them alone in this room" }).click();
    await page.getByText("Only Anton Lindqvist will read this").first().waitFor();
    await page.getByRole("textbox", { name: /Message to/ }).fill("psst");
    // Files and voices would go to all.
    expect(await page.getByRole("button", { name: "Attach files" }).count()).toBe(0);
    await page.keyboard.press("Enter");
    expect((await commands("send")).at(-1)?.draft).toMatchObject({ text: "psst", privateTo: "Anton Lindqvist" });
    // It stays so until one gives it up.
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Attach files" }).waitFor();
  });
});

describe("finding", () => {
  it("a room by words, and entering it with Enter", async () => {
    const opened = await open("#/");
    const { page, commands } = opened;
    await page.keyboard.press("Control+Shift+k");
    await page.getByRole("dialog").getByRole("button", { name: /^Find a room/ }).click();
    await page.getByRole("option", { name: /Sales, internal/ }).waitFor();
    await page.getByRole("option", { name: /Everyone/ }).waitFor();
    const field = page.getByRole("combobox", { name: "Name, address or link" });
    await field.fill("cante");
    await page.getByRole("option", { name: /Everyone/ }).waitFor({ state: "detached" });
    await field.press("Enter");
    expect(await commands("join")).toEqual([{ type: "join", room: "kantine@rooms.brenner.example", nick: null }]);
  });

  it("a room by its address, or by a link", async () => {
    const { page, commands } = await open("#/join/garten%40rooms.brenner.example");
    await page.getByRole("option", { name: "Enter garten@rooms.brenner.example" }).waitFor();
    await page.getByRole("combobox").press("Enter");
    expect(await commands("join")).toEqual([{ type: "join", room: "garten@rooms.brenner.example", nick: null }]);
  });

  it("says why there is nothing, and what to do", async () => {
    const opened = await open("#/");
    const { page } = opened;
    await page.keyboard.press("Control+Shift+k");
    await page.evaluate(() => (window.engine.refuses = "service-unavailable"));
    await page.getByRole("dialog").getByRole("button", { name: /^Find a room/ }).click();
    await page.getByRole("combobox", { name: "Name, address or link" }).fill("castle");
    await page.getByText("No room found for “castle”").waitFor();
  });

  it("people of the house who are no contacts", async () => {
    const { page, commands } = await open("#/");
    await page.keyboard.press("Control+Shift+k");
    await page.getByRole("combobox").fill("lotte");
    await page.getByRole("option", { name: /Lotte Lindgren-Hausmann/ }).waitFor();
    await page.keyboard.press("Enter");
    expect(await commands("openChat")).toEqual([{ type: "openChat", with: "lotte.lindgren-hausmann@brenner.example" }]);
  });
});

describe("invitations", () => {
  it("give a link with its time, to copy and to scan", async () => {
    const opened = await open("#/");
    const { page } = opened;
    await page.keyboard.press("Control+Shift+k");
    await page.getByRole("button", { name: /^Invite somebody/ }).click();
    const dialog = page.getByRole("dialog", { name: "Invite somebody" });
    await dialog.getByRole("textbox", { name: /Name of the account/ }).fill("two words");
    await dialog.getByRole("button", { name: "Make link" }).click();
    await dialog.getByText("Letters, digits, dots and hyphens").waitFor();
    await dialog.getByRole("textbox", { name: /Name of the account/ }).fill("kim");
    await dialog.getByRole("radio", { name: "30 days" }).check();
    await dialog.getByRole("button", { name: "Make link" }).click();
    await dialog.getByText(/It works until Monday/).waitFor();
    await dialog.getByRole("img", { name: "QR code of the invitation" }).waitFor();
    await dialog.getByRole("button", { name: "Copy link" }).click();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("https://chat.brenner.example/invite/mrqx4kdz7t2v");
    expect(await questions(opened, "invitePerson")).toEqual([{ ask: "invitePerson", account: true, name: "kim", days: 30 }]);
  });

  it("to a room are a link, too", async () => {
    const { page } = await open(`?details${operations}`);
    await page.getByRole("button", { name: "Add people" }).click();
    const link = page.getByRole("dialog").getByRole("textbox", { name: "Link" });
    expect(await link.inputValue()).toContain("/#/join/betrieb%40rooms.brenner.example");
    await page.getByRole("button", { name: "QR code of the link" }).click();
    await page.getByRole("img", { name: "QR code of the link" }).waitFor();
  });
});

describe("signing up", () => {
  it("takes a name and a password, and says what is wrong with them", async () => {
    const { page, errors } = await open("?invite");
    await page.getByRole("heading", { name: "Anton Lindqvist has invited you" }).waitFor();
    await page.getByRole("textbox", { name: "Name", exact: true }).fill("kim lee");
    await page.getByLabel("Password", { exact: true }).fill("short");
    await page.keyboard.press("Enter");
    await page.getByText("The password needs at least 10 characters.").waitFor();
    await page.waitForFunction(() => document.activeElement?.getAttribute("name") === "username");
    await page.keyboard.press("Control+A");
    await page.keyboard.type("Kim");
    await page.getByLabel("Password", { exact: true }).fill("long enough");
    await page.evaluate(() => (window.engine.turnsAway = "This name is taken: choose another one."));
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("This name is taken").waitFor();
    await page.getByRole("button", { name: "Create account" }).click();
    await page.waitForFunction(() => window.engine.logins.length === 2);
    const [, given] = await page.evaluate(() => window.engine.logins);
    expect(given).toEqual(["kim@brenner.example", "long enough", expect.stringContaining("Chrome"), "mrqx4kdz7t2v"]);
    expect(errors).toEqual([]);
  });

  it("says when an invitation does not work any more, and leads on", async () => {
    const { page } = await open("?invite=gone");
    await page.getByText("This invitation was used already.").waitFor();
    await page.getByRole("button", { name: "To signing in" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
  });
});

describe("the list", () => {
  it("has the rooms of departments by themselves", async () => {
    const { page } = await open("#/");
    await page.getByRole("button", { name: "Departments" }).waitFor();
  });

  it("says once what to do when there is nothing yet", async () => {
    for (const width of [1440, 390]) {
      const { page } = await open("?empty#/", { width, height: 844 });
      await page.getByText("Write to somebody, or open a group for your team.").waitFor();
      expect(await page.getByText("Write to somebody, or open a group for your team.").count()).toBe(1);
      await page.getByRole("button", { name: "Find a room" }).click();
      await page.getByRole("combobox", { name: "Name, address or link" }).waitFor();
    }
    void anton;
  });
});
