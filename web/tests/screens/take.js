// Pictures of every screen, in all shapes, themes and languages, into `web/screenshots`; what axe finds is told.
//
//     npm run screenshots [-- SCREEN…] [--shape=window|phone|sidebar|zoom|smallest] [--theme=light|dark] [--words=de|en] [--no-axe]
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { addressOf, begin } from './browser.js';
import { screens } from './list.js';

const shapes = {
  window: { width: 1440, height: 900 },
  phone: { width: 390, height: 844 },
  sidebar: { width: 360, height: 800 },
  // A window of 1440×900 at 200 %, and the narrowest that WCAG 2.2 asks for (1.4.10).
  zoom: { width: 720, height: 450 },
  smallest: { width: 320, height: 568 },
};
const now = Date.UTC(2026, 10, 23, 9, 45);
const folder = fileURLToPath(new URL('../../screenshots/', import.meta.url));
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const wanted = process.argv.slice(2).filter((one) => !one.startsWith('--'));
const option = (name, all) => {
  const given = process.argv.find((one) => one.startsWith(`--${name}=`));
  return given ? given.slice(name.length + 3).split(',') : all;
};
/** What of a page cannot be reached, or not be read, because it stands beside the window. Runs in the page. */
function beside() {
  const found = [];
  for (const element of document.querySelectorAll('button, a, input, select, textarea, h1, h2, h3, p, label, li, time, img, dialog')) {
    const { left, right, top, bottom, width, height } = element.getBoundingClientRect();
    if (width <= 1 || height <= 1 || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const modal = element.tagName === 'DIALOG';
    const out = left < -1 || right > innerWidth + 1 || (modal && (top < -1 || bottom > innerHeight + 1));
    if (!out || element.closest('.visually-hidden')) continue;
    let above = element.parentElement;
    while (above !== null && !['auto', 'scroll'].includes(getComputedStyle(above).overflowX)) above = above.parentElement;
    const scrolls = above !== null && above.scrollWidth > above.clientWidth + 1;
    if (!scrolls || modal) found.push(`${element.tagName.toLowerCase()} "${(element.textContent ?? '').trim().slice(0, 30)}" ${Math.round(left)}–${Math.round(right)}`);
  }
  return found.slice(0, 3);
}

const withAxe = !process.argv.includes('--no-axe');

mkdirSync(folder, { recursive: true });
const { address, browser, end } = await begin();
let violations = 0;
let failures = 0;

for (const shape of option('shape', Object.keys(shapes))) {
  for (const theme of option('theme', ['light', 'dark'])) {
    for (const words of option('words', ['de', 'en'])) {
      const context = await browser.newContext({
        viewport: shapes[shape],
        locale: words === 'de' ? 'de-DE' : 'en-GB',
        timezoneId: 'Europe/Berlin',
        reducedMotion: 'reduce',
        hasTouch: shape === 'phone',
        isMobile: shape === 'phone',
      });
      for (const screen of screens) {
        if (wanted.length > 0 && !wanted.includes(screen.name)) continue;
        const page = await context.newPage();
        await page.clock.setFixedTime(now);
        const errors = [];
        page.on('pageerror', (error) => errors.push(error.message));
        page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
        const name = `${screen.name}-${shape}-${theme}-${words}`;
        try {
          const more = shape === 'sidebar' ? { theme, words, view: 'sidebar' } : { theme, words };
          await page.goto(addressOf(address, screen.at, more));
          await page.locator('main, nav').first().waitFor();
          await page.evaluate(() => document.fonts.ready);
          page.setDefaultTimeout(5_000);
          await screen.run?.(page);
          await page.waitForFunction(() => [...document.images].every((image) => image.complete));
          await page.screenshot({ path: `${folder}${name}.png` });
          const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
          if (sideways > 0) errors.push(`scrolls sideways by ${sideways} px`);
          for (const one of await page.evaluate(beside)) errors.push(`stands beside the window: ${one}`);
          if (withAxe) {
            await page.evaluate(axe);
            const { violations: found } = await page.evaluate(() => window.axe.run({ resultTypes: ['violations'] }));
            for (const violation of found) {
              violations++;
              const nodes = violation.nodes.slice(0, 3).map((node) => `    ${node.target.join(' ')}: ${node.failureSummary?.split('\n')[1]?.trim() ?? ''}`);
              console.log(`${name}: ${violation.id} (${violation.impact}), ${violation.nodes.length}×\n${nodes.join('\n')}`);
            }
          }
        } catch (error) {
          errors.push(String(error).split('\n')[0]);
          await page.screenshot({ path: `${folder}${name}.png` }).catch(() => {});
        }
        for (const error of errors) {
          failures++;
          console.log(`${name}: ${error}`);
        }
        await page.close();
      }
      await context.close();
    }
  }
}
await end();
console.log(`${violations} violations, ${failures} failures`);
process.exitCode = violations + failures > 0 ? 1 : 0;
