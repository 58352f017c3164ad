import { describe, expect, it } from "vitest";
import { screens } from "./page";
import type { Asked } from "../fixtures/administration";
import type { Opened } from "./page";

const open = screens();

declare global {
  interface Window {
    asked: Asked[];
  }
}

async function asked({ page }: Opened, method: string): Promise<Asked[]> {
  return page.evaluate((wanted) => window.asked.filter((one) => one.method === wanted), method);
}

describe("administration", () => {
  it("is offered to those with a role only", async () => {
    const boss = await open("#/");
    await boss.page.getByRole("button", { name: "Administration" }).waitFor();
    const person = await open("?person#/");
    await person.page.getByRole("button", { name: "Mara Kovač: status, settings, sign out" }).waitFor();
    expect(await person.page.getByRole("button", { name: "Administration" }).count()).toBe(0);
  });

  it("finds people, opens one and goes back", async () => {
    const opened = await open("#/administration/people");
    const { page, errors } = opened;
    await page.getByRole("searchbox", { name: "Search" }).fill("lindq");
    await page.getByText("1 in all").waitFor();
    await page.getByRole("button", { name: "Anton Lindqvist" }).click();
    await page.getByRole("heading", { name: "Anton Lindqvist" }).waitFor();
    expect(new URL(page.url()).hash).toBe("#/administration/people/anton");
    await page.goBack();
    await page.getByRole("searchbox", { name: "Search" }).waitFor();
    expect(errors).toEqual([]);
  });

  it("disables somebody after a question, and shows it", async () => {
    const opened = await open("#/administration/people/anton");
    const { page } = opened;
    await page.getByRole("button", { name: "Disable", exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Disable", exact: true }).click();
    await page.getByRole("button", { name: "Enable", exact: true }).waitFor();
    expect(await asked(opened, "PUT")).toEqual([{ method: "PUT", path: "people/anton/enabled", body: { enabled: false } }]);
  });

  it("gives groups and a name in one go", async () => {
    const opened = await open("#/administration/people/anton");
    const { page } = opened;
    await page.getByRole("textbox", { name: "Name for people" }).fill("Toni");
    await page.getByRole("textbox", { name: "Groups" }).fill("Vertrieb, Einkauf, Einkauf");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved.").waitFor();
    expect(await asked(opened, "PATCH")).toMatchObject([{ path: "people/anton", body: { display_name: "Toni" } }]);
    expect(await asked(opened, "PUT")).toMatchObject([{ path: "people/anton/groups", body: { groups: ["Vertrieb", "Einkauf"] } }]);
  });

  it("says why something was refused, and does not touch what is there", async () => {
    const opened = await open("#/administration/people/mara");
    const { page } = opened;
    await page.getByRole("textbox", { name: "Name for people" }).fill("Somebody else");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("alert").getByText("You are not entitled to this.").waitFor();
    // Nobody takes the own role, or signs oneself out from here.
    expect(await page.getByRole("button", { name: "Disable", exact: true }).count()).toBe(0);
  });

  it("shows an auditor everything, and no way to change it", async () => {
    const { page } = await open("?role=auditor#/administration/people/anton");
    await page.getByText("Pixel 9").waitFor();
    const buttons = await page.locator("main .page").getByRole("button").allInnerTexts();
    expect(buttons.map((one) => one.trim()).filter((one) => one !== "")).toEqual([]);
    await page.getByRole("button", { name: "Audit log" }).click();
    await page.getByText("Account disabled").waitFor();
  });

  it("shows the helpdesk neither rules nor log, and no removal", async () => {
    const { page } = await open("?role=helpdesk#/administration/people/anton");
    await page.getByRole("button", { name: "Set password" }).waitFor();
    expect(await page.getByRole("button", { name: "Remove", exact: true }).count()).toBe(0);
    expect(await page.getByRole("button", { name: "Audit log" }).count()).toBe(0);
    expect(await page.getByRole("button", { name: "Server" }).count()).toBe(0);
  });

  it("is walked by keyboard alone", async () => {
    const { page } = await open("#/administration/people");
    await page.getByRole("button", { name: "Anton Lindqvist" }).waitFor();
    await page.getByRole("button", { name: "Anton Lindqvist" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Anton Lindqvist" }).waitFor();
    await page.getByRole("button", { name: "Set password" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.type("a long enough password");
    await page.keyboard.press("Enter");
    await page.getByText("anton has a new password.").waitFor();
  });
});
