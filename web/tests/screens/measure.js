// What the views cost: opening a conversation, typing, and scrolling through 100,000 messages.
//
//     node tests/screens/measure.js
import { addressOf, begin } from './browser.js';

const { address, browser, end } = await begin();
const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
await page.goto(addressOf(address, '?long=100000#/', { words: 'en' }));
await page.getByRole('link', { name: /Sales North/ }).waitFor();

const opened = [];
for (let round = 0; round < 12; round++) {
  opened.push(
    await page.evaluate(async () => {
      const begun = performance.now();
      [...document.querySelectorAll('nav a')].find((link) => link.textContent.includes('Sales North')).click();
      while (!document.querySelector('[data-message]')) await new Promise((resolve) => requestAnimationFrame(resolve));
      await new Promise((resolve) => requestAnimationFrame(resolve));
      const took = performance.now() - begun;
      [...document.querySelectorAll('nav a')].find((link) => link.textContent.includes('Anton')).click();
      await new Promise((resolve) => setTimeout(resolve, 100));
      return took;
    }),
  );
}
await page.getByRole('link', { name: /Sales North/ }).click();
await page.locator('[data-message]').first().waitFor();

const scrolled = await page.evaluate(async () => {
  const scroller = document.querySelector('.scroller');
  const frames = [];
  const first = () => Number.parseInt(document.querySelector('[data-message]').dataset.id, 16);
  let last = performance.now();
  const begun = last;
  while (first() > 0 && performance.now() - begun < 120_000) {
    scroller.scrollTop -= 900;
    await new Promise((resolve) => requestAnimationFrame(resolve));
    const now = performance.now();
    frames.push(now - last);
    last = now;
  }
  frames.sort((one, other) => one - other);
  return {
    left: first(),
    seconds: (performance.now() - begun) / 1000,
    frames: frames.length,
    median: frames[frames.length >> 1],
    p99: frames[Math.floor(frames.length * 0.99)],
    longest: frames.at(-1),
    over50: frames.filter((frame) => frame > 50).length,
    elements: document.querySelectorAll('*').length,
  };
});

await page.getByRole('button', { name: /^Jump/ }).click();
const typed = await page.evaluate(async () => {
  const field = document.querySelector('textarea');
  const took = [];
  for (let at = 0; at < 200; at++) {
    const begun = performance.now();
    field.value += 'a';
    field.dispatchEvent(new Event('input', { bubbles: true }));
    await new Promise((resolve) => queueMicrotask(resolve));
    void field.offsetHeight;
    took.push(performance.now() - begun);
  }
  took.sort((one, other) => one - other);
  return { median: took[100], longest: took.at(-1) };
});
const memory = await page.evaluate(() => performance.memory.usedJSHeapSize / 1e6);
opened.sort((one, other) => one - other);
console.log({ opened: { median: opened[5], longest: opened.at(-1) }, scrolled, typed, memory });
await end();
