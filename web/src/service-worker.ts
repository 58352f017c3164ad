// Starts without a network what was here before: the files of one version, all or none. What people say never passes here.
/// <reference lib="webworker" />
export {};
declare const self: ServiceWorkerGlobalScope;

/** Both are filled in when all is built (vite.config.ts). */
const VERSION = 'hauspost __VERSION__';
const FILES = '__FILES__' as unknown as string[];

self.addEventListener('install', (event) => {
  event.waitUntil(
    caches.open(VERSION).then((cache) => cache.addAll(FILES.map((path) => new Request(path, { cache: 'no-cache' })))),
  );
});

self.addEventListener('activate', (event) => {
  const clean = async () => {
    const names = await caches.keys();
    await Promise.all(names.filter((name) => name !== VERSION).map((name) => caches.delete(name)));
    await self.clients.claim();
  };
  event.waitUntil(clean());
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== location.origin) return;
  // The two differ in who may frame them.
  const sidebar = url.pathname === '/' && url.searchParams.get('view') === 'sidebar';
  const path = sidebar ? '/?view=sidebar' : url.pathname;
  if (!FILES.includes(path)) return;
  event.respondWith(
    caches.open(VERSION).then(async (cache) => (await cache.match(path)) ?? fetch(request)),
  );
});

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  const show = async () => {
    const pages = await self.clients.matchAll({ type: 'window' });
    const page = pages[0];
    if (page) {
      page.postMessage({ type: 'open', conversation: event.notification.tag });
      await page.focus();
    } else {
      await self.clients.openWindow(`/#${encodeURIComponent(event.notification.tag)}`);
    }
  };
  event.waitUntil(show());
});
