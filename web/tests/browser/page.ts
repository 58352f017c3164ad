// A page of the small organisation for tests.
import { afterAll, beforeAll, inject } from "vitest";
import type { Browser, Page } from "playwright-core";
// @ts-expect-error: plain JavaScript, shared with the pictures.
import { addressOf, launch } from "../screens/browser.js";
import type { StillEngine } from "../fixtures/engine";
import type { Command } from "../../src/core/types";

/** So long a wait may take on a machine that has a lot else to do, in milliseconds. What is there is not waited for. */
export const patience = 60_000;

export const sales = "#/chat/vertrieb-nord%40rooms.brenner.example";
export const moving = "#/chat/umzug-halle-4%40rooms.brenner.example";
export const anton = "#/chat/anton%40brenner.example";

declare global {
  interface Window {
    engine: StillEngine;
  }
}

export interface Opened {
  readonly page: Page;
  /** What the page has wanted of the engine. */
  commands<T extends Command["type"]>(type: T): Promise<Extract<Command, { type: T }>[]>;
  /** What went wrong in the page: errors, and what the policy refused. */
  readonly errors: string[];
}

/** Opens screens. The browser is started once for a file of tests. */
export function screens(): (at: string, more?: { width?: number; height?: number; theme?: string; rtl?: boolean }) => Promise<Opened> {
  let browser: Browser;
  beforeAll(async () => {
    browser = (await launch()) as Browser;
  });
  afterAll(() => browser?.close());

  return async (at, { width = 1440, height = 900, theme = "light", rtl = false } = {}) => {
    const context = await browser.newContext({
      viewport: { width, height },
      locale: "en-GB",
      timezoneId: "Europe/Berlin",
      reducedMotion: "reduce",
      permissions: ["clipboard-read", "clipboard-write"],
    });
    const page = await context.newPage();
    page.setDefaultTimeout(patience);
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(message.text());
    });
    await page.clock.setFixedTime(Date.UTC(2026, 10, 23, 9, 45));
    await page.goto(addressOf(inject("address"), at, { theme, words: "en", ...(rtl ? { rtl: "1" } : {}) }) as string);
    await page.locator("main").first().waitFor();
    return {
      page,
      errors,
      commands: async (type) =>
        (await page.evaluate((wanted) => window.engine.commands.filter((command) => command.type === wanted), type)) as never,
    };
  };
}

/** Waits until all lines of the conversation are drawn: they are drawn a few in each frame. */
export async function drawn(page: Page, conversation: string): Promise<void> {
  await page.waitForFunction((id) => {
    const all = window.engine.timelines.get(id)?.items.filter((item) => item.type === "message");
    return all !== undefined && all.length > 0 && document.querySelectorAll("[data-message]").length === all.length;
  }, conversation);
  await settled(page);
}

/** Waits until what follows from what was drawn has been drawn, too. */
export async function settled(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await document.fonts.ready;
    for (let frame = 0; frame < 3; frame++) await new Promise((resolve) => requestAnimationFrame(resolve));
  });
}
