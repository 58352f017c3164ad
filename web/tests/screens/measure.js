// What the views cost: opening a conversation, typing, and scrolling through 100,000 messages.
//
//     npm run speed:views [-- --seconds=120]
import { addressOf, begin } from './browser.js';

const seconds = Number(process.argv.find((one) => one.startsWith('--seconds='))?.slice(10) ?? 120);
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

// What the page's thread has worked, whatever else the machine did meanwhile.
const devtools = await page.context().newCDPSession(page);
await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
const worked = async () => {
  const { metrics } = await devtools.send('Performance.getMetrics');
  const of = (name) => metrics.find((one) => one.name === name).value;
  return { script: of('ScriptDuration'), style: of('RecalcStyleDuration'), layout: of('LayoutDuration'), all: of('TaskDuration'), layouts: of('LayoutCount') };
};
const before = await worked();
const scrolled = await page.evaluate(async (seconds) => {
  // What frames over 50 ms were spent on, all together, in milliseconds.
  const spent = { frames: 0, script: 0, forcedLayout: 0, layoutAndPaint: 0, waiting: 0 };
  new PerformanceObserver((list) => {
    for (const frame of list.getEntries()) {
      const script = frame.scripts.reduce((sum, one) => sum + one.duration, 0);
      const rendering = frame.styleAndLayoutStart > 0 ? frame.startTime + frame.duration - frame.styleAndLayoutStart : 0;
      spent.frames++;
      spent.script += script;
      spent.forcedLayout += frame.scripts.reduce((sum, one) => sum + one.forcedStyleAndLayoutDuration, 0);
      spent.layoutAndPaint += rendering;
      spent.waiting += Math.max(0, frame.duration - script - rendering);
    }
  }).observe({ type: 'long-animation-frame' });
  const scroller = document.querySelector('.scroller');
  const frames = [];
  const first = () => Number.parseInt(document.querySelector('[data-message]').dataset.id, 16);
  let last = performance.now();
  const begun = last;
  while (first() > 0 && performance.now() - begun < seconds * 1000) {
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
    spent,
  };
}, seconds);

const after = await worked();
const perFrame = Object.fromEntries(
  Object.keys(before).map((name) => [name, ((after[name] - before[name]) * (name === 'layouts' ? 1 : 1000)) / scrolled.frames]),
);
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
console.log({ opened: { median: opened[5], longest: opened.at(-1) }, scrolled, perFrame, typed, memory });
await end();
