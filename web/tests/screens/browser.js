// A browser, and the pages for it.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { createServer } from 'vite';

const root = fileURLToPath(new URL('../..', import.meta.url));
const places = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Serves the pages and starts a browser. */
export async function begin() {
  const executablePath = places.find((place) => place && existsSync(place));
  if (!executablePath) throw new Error('no Chromium: install it (apt-get install chromium), or say where it is in CHROMIUM');
  const server = await createServer({ root, server: { port: 0, host: '127.0.0.1' }, logLevel: 'error' });
  await server.listen();
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  const address = `${server.resolvedUrls.local[0]}tests/screens/`;
  return {
    address,
    browser,
    end: async () => {
      await browser.close();
      await server.close();
    },
  };
}

/** The address of a screen. */
export function addressOf(address, at, more) {
  const [query, hash = ''] = at.split('#');
  const wanted = new URLSearchParams(query.replace(/^\?/, ''));
  for (const [name, value] of Object.entries(more)) wanted.set(name, value);
  return `${address}?${wanted}${hash ? `#${hash}` : ''}`;
}
