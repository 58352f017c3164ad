import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const SITE = 'dist/site';
/** What is packed already. */
const PACKED = /\.(woff2|png|br|gz)$/;

function files(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? files(path) : [path];
  });
}

/** Tells the service worker which files there are, and packs them all as the server hands them out. */
function offline(): Plugin {
  return {
    name: 'hauspost-offline',
    apply: 'build',
    closeBundle() {
      const worker = join(SITE, 'service-worker.js');
      const all = files(SITE).filter((path) => path !== worker);
      all.sort();
      const hash = createHash('sha256');
      for (const path of all) hash.update(path).update(readFileSync(path));
      const list = all
        .map((path) => `/${relative(SITE, path)}`)
        .flatMap((path) => (path === '/index.html' ? ['/', '/?view=sidebar'] : [path]));
      const code = readFileSync(worker, 'utf8')
        .replace('__VERSION__', hash.digest('hex').slice(0, 16))
        .replace(/["'`]__FILES__["'`]/, JSON.stringify(list));
      writeFileSync(worker, code);
      for (const path of [...all, worker]) {
        if (PACKED.test(path)) continue;
        const bytes = readFileSync(path);
        const size = { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
        const params = { ...size, [constants.BROTLI_PARAM_QUALITY]: 11 };
        writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }));
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  plugins: [svelte(), offline()],
  build: {
    target: 'es2023',
    outDir: SITE,
    emptyOutDir: true,
    // What is small goes into files all the same: `data:` in scripts is not allowed by our policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      input: {
        main: 'index.html',
        core: 'src/core/core.ts',
        'service-worker': 'src/service-worker.ts',
      },
      preserveEntrySignatures: 'exports-only',
      output: {
        entryFileNames: ({ name }) =>
          name === 'service-worker' ? '[name].js' : 'assets/[name]-[hash].js',
      },
    },
  },
  worker: { format: 'es' },
  test: {
    include: ['tests/**/*.test.ts'],
    environment: 'node',
    globalSetup: ['tests/browser/served.ts'],
    // Generous: they only bound how long what is broken holds up a run on a machine that has a lot else to do.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    expect: { poll: { timeout: 60_000 } },
  },
});
