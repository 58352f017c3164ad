// A browser, and the pages for it: built as for release, and served with the strictest policy that they are to bear.
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { chromium } from 'playwright-core';
import { build } from 'vite';

const root = fileURLToPath(new URL('../..', import.meta.url));
const places = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const types = {
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
};
const policy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self' blob: data:",
  'media-src blob:',
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

/** Starts a browser. */
export async function launch() {
  const executablePath = places.find((place) => place && existsSync(place));
  if (!executablePath) throw new Error('no Chromium: install it (apt-get install chromium), or say where it is in CHROMIUM');
  return chromium.launch({ executablePath, args: ['--no-sandbox'], timeout: 120_000 });
}

/** Builds the pages and serves them. */
export async function serve() {
  const folder = await mkdtemp(join(tmpdir(), 'hauspost-screens-'));
  await build({
    // Not that of the release: what belongs to one, such as packing and the service worker, has no place here.
    configFile: false,
    root,
    logLevel: 'error',
    plugins: [svelte()],
    build: {
      target: 'es2023',
      outDir: folder,
      emptyOutDir: true,
      minify: false,
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      rolldownOptions: { input: join(root, 'tests/screens/index.html') },
    },
    worker: { format: 'es' },
  });
  const server = createServer(async (request, answer) => {
    const path = normalize(new URL(request.url, 'http://localhost').pathname);
    try {
      const bytes = await readFile(join(folder, path.endsWith('/') ? `${path}index.html` : path));
      answer.writeHead(200, {
        'content-type': types[extname(path)] ?? 'text/html; charset=utf-8',
        'content-security-policy': policy,
      });
      answer.end(bytes);
    } catch {
      answer.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `http://127.0.0.1:${server.address().port}/tests/screens/`,
    end: async () => {
      server.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** Builds and serves the pages, and starts a browser. */
export async function begin() {
  const { address, end } = await serve();
  const browser = await launch();
  return {
    address,
    browser,
    end: async () => {
      await browser.close();
      await end();
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
