// Drives Chromium for the suites: one line of JSON in, one line out. `steps` are calls on a page, each on what the one before
// gave: [["getByLabel", "Password"], ["fill", "secret"]].
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] || '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    // A microphone and a camera that beep, for those who are allowed to use them.
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
  ],
});
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** By the names that the suite gives them. */
const contexts = new Map();
const pages = new Map();

function hear(page, made) {
  const said = [];
  made.on('console', (message) => said.push(`${message.type()}: ${message.text()}`));
  made.on('pageerror', (error) => said.push(`error: ${error}`));
  made.on('request', (request) => said.push(`request: ${new URL(request.url()).origin}`));
  pages.set(page, { made, said });
}

async function walk(it, steps) {
  for (const [method, ...given] of steps) it = await it[method](...given);
  return it;
}

const acts = {
  /** A person's browser, with what it keeps. */
  async context({ context, options }) {
    contexts.set(context, await browser.newContext({ locale: 'en-GB', ...options }));
  },
  /** A page in it; what it says aloud comes back with `said`. */
  async page({ context, page }) {
    hear(page, await contexts.get(context).newPage());
  },
  async do({ page, steps }) {
    const it = await walk(pages.get(page).made, steps);
    return it === undefined || ['string', 'number', 'boolean'].includes(typeof it) || Array.isArray(it) ? it : null;
  },
  /** What the steps make the page give to the person, as Base64. */
  async download({ page, steps }) {
    const { made } = pages.get(page);
    const [download] = await Promise.all([made.waitForEvent('download'), walk(made, steps)]);
    return readFileSync(await download.path()).toString('base64');
  },
  /** The steps open another window: it is a page of this name from then on. */
  async popup({ page, into, steps }) {
    const { made } = pages.get(page);
    const [popup] = await Promise.all([made.waitForEvent('popup'), walk(made, steps)]);
    hear(into, popup);
  },
  /** What axe finds wrong with what is to be seen. */
  async axe({ page }) {
    const { made } = pages.get(page);
    await made.evaluate(axe);
    const { violations } = await made.evaluate(() => window.axe.run({ resultTypes: ['violations'] }));
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).slice(0, 3).join(', ')}`);
  },
  /** Something in the service worker. */
  async worker({ context, code, argument }) {
    const all = contexts.get(context);
    const worker = all.serviceWorkers()[0] ?? (await all.waitForEvent('serviceworker'));
    return worker.evaluate(`(${code})(${JSON.stringify(argument ?? null)})`);
  },
  /** Waits until this is true. */
  async until({ page, code }) {
    // Playwright's own wait is refused by the policy of the page.
    const wait = `async () => { while (!(${code})()) await new Promise((go) => setTimeout(go, 20)); }`;
    await pages.get(page).made.evaluate(`(${wait})()`);
  },
  async evaluate({ page, code, argument }) {
    return pages.get(page).made.evaluate(`(${code})(${JSON.stringify(argument ?? null)})`);
  },
  said({ page }) {
    return pages.get(page).said;
  },
  async close({ context }) {
    await contexts.get(context).close();
    contexts.delete(context);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, act, ...rest } = JSON.parse(line);
  // One after the other is not needed: several people may wait at the same time.
  Promise.resolve()
    .then(() => acts[act](rest))
    .then(
      (value) => ({ id, value: value ?? null }),
      (error) => ({ id, error: String(error) }),
    )
    .then((answer) => process.stdout.write(`${JSON.stringify(answer)}\n`));
}
await browser.close();
