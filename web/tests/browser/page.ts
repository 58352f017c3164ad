// A page of the small organisation for tests.
import { afterAll, beforeAll } from "vitest";
import type { Browser, Page } from "playwright-core";
// @ts-expect-error: plain JavaScript, shared with the pictures.
import { addressOf, begin } from "../screens/browser.js";
import type { StillEngine } from "../fixtures/engine";
import type { Command } from "../../src/core/types";

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
  let house: { address: string; browser: Browser; end: () => Promise<void> };
  beforeAll(async () => {
    house = (await begin()) as typeof house;
  });
  afterAll(() => house.end());

  return async (at, { width = 1440, height = 900, theme = "light", rtl = false } = {}) => {
    const context = await house.browser.newContext({
      viewport: { width, height },
      locale: "en-GB",
      timezoneId: "Europe/Berlin",
      reducedMotion: "reduce",
      permissions: ["clipboard-read", "clipboard-write"],
    });
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(message.text());
    });
    await page.clock.setFixedTime(Date.UTC(2026, 10, 23, 9, 45));
    await page.goto(addressOf(house.address, at, { theme, words: "en", ...(rtl ? { rtl: "1" } : {}) }) as string);
    await page.locator("main").first().waitFor();
    return {
      page,
      errors,
      commands: async (type) =>
        (await page.evaluate((wanted) => window.engine.commands.filter((command) => command.type === wanted), type)) as never,
    };
  };
}
