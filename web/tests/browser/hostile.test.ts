// Names, reactions, answers, files and previews of somebody who means harm: each stays in its place, and turns nothing around.
import { describe, expect, it } from "vitest";
import { drawn, sales, screens } from "./page";

const open = screens();
const id = "vertrieb-nord@rooms.brenner.example";
const key = "f".repeat(24);

const markup = "<img src=x onerror=document.title=1><svg onload=document.title=1>";
const words: [string, string][] = [
  ["a name turned around", `\u202e${markup}\u202e`],
  ["isolates that are never closed", "\u2066\u2067\u2068".repeat(300)],
  ["nothing to see", "\u200b\u200d\u2060\ufeff".repeat(500)],
  ["a tower of accents", `Z${"\u0300".repeat(3_000)}`],
  ["a line without an end", "W".repeat(20_000)],
  ["the widest letter there is", "\ufdfd".repeat(500)],
  ["lines over lines", "a\n\u2028\u2029\u0085".repeat(2_000)],
];

describe("whatever a hostile sender calls things", () => {
  it.each(words)("stays in its place: %s", async (_name, text) => {
    for (const width of [1440, 360]) {
      const { page, errors } = await open(sales, { width });
      await drawn(page, id);
      await page.evaluate(
        ([conversation, key, text]) => {
          const { items } = window.engine.timelines.get(conversation!)!;
          const last = items.at(-1)!;
          if (last.type !== "message" || last.message.body.type !== "text") return;
          const message = structuredClone(last.message);
          const file = { mediaType: "image/svg+xml", size: 1, width: 4_000_000_000, height: 1, length: null, description: text!, waveform: [], thumbnail: null, sealed: true, foreignHost: text! };
          Object.assign(message, {
            key,
            sender: { name: text, account: text, id: text, own: false },
            reply: { to: key, sender: text, text },
            reactions: [{ emoji: text, senders: [text], own: false }],
            protection: { type: "readable" },
            unreached: [],
          });
          message.body = {
            type: "text",
            blocks: [{ type: "line", spans: [{ type: "mention", account: text!, text: text!, own: false }, { type: "code", text: text! }] }, { type: "pre", info: text!, text: text! }],
            onlyEmoji: null,
            source: text!,
            attachments: (["file", "image", "voice", "video"] as const).map((kind, index) => ({ ...file, kind, index, name: text! })),
            previews: [{ url: "https://example.org/", host: text!, title: text!, description: text!, siteName: text!, picture: null, pictureAlt: text! }],
          } as never;
          window.engine.list((row) => ({ ...row, name: text!, subject: text!, status: text!, typing: [text!] }));
          window.engine.show(conversation!, [...items, { type: "message", id: key!, message }]);
        },
        [id, key, text],
      );
      await page.locator(`[data-id="${key}"]`).waitFor();
      const found = await page.evaluate((wanted) => {
        const whole = document.documentElement;
        const main = document.querySelector("main")!.getBoundingClientRect();
        const line = document.querySelector(`[data-id="${wanted}"]`)!;
        const header = document.querySelector("main header")!.getBoundingClientRect();
        const composer = document.querySelector(".composer")!.getBoundingClientRect();
        return {
          sideways: whole.scrollWidth - whole.clientWidth,
          out: [...line.querySelectorAll("button")].filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > main.right + 1).map((one) => one.className),
          made: line.querySelectorAll("svg[onload], img[onerror], script").length,
          header: header.height < 120 && header.right <= main.right + 1,
          composer: composer.bottom <= whole.clientHeight + 1 && composer.height < 300,
          rows: [...document.querySelectorAll("nav li")].filter((one) => one.getBoundingClientRect().height > 80).length,
          title: document.title === "1",
        };
      }, key);
      expect({ width, ...found }).toEqual({ width, sideways: 0, out: [], made: 0, header: true, composer: true, rows: 0, title: false });
      expect(errors).toEqual([]);
      await page.context().close();
    }
  });
});
