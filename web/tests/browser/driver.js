// Drives Chromium for the suites: one line of JSON in, one line out. `steps` are calls on a page, each on what the one before
// gave: [["getByLabel", "Password"], ["fill", "secret"]].
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
});
/** By the names that the suite gives them. */
const contexts = new Map();
const pages = new Map();

const acts = {
  /** A person's browser, with what it keeps. */
  async context({ context, options }) {
    contexts.set(context, await browser.newContext({ locale: 'en-GB', ...options }));
  },
  /** A page in it; what it says aloud comes back with `said`. */
  async page({ context, page }) {
    const made = await contexts.get(context).newPage();
    const said = [];
    made.on('console', (message) => said.push(`${message.type()}: ${message.text()}`));
    made.on('pageerror', (error) => said.push(`error: ${error}`));
    made.on('request', (request) => said.push(`request: ${new URL(request.url()).origin}`));
    pages.set(page, { made, said });
  },
  async do({ page, steps }) {
    let it = pages.get(page).made;
    for (const [method, ...given] of steps) it = await it[method](...given);
    return it === undefined || ['string', 'number', 'boolean'].includes(typeof it) || Array.isArray(it) ? it : null;
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
