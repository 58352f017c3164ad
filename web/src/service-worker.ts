// Starts without a network what was here before: the files of one version, all or none; and leads from notifications to pages.
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

/** Somebody has clicked a notification, or answered in it: the page does the rest. */
self.addEventListener('notificationclick', (event) => {
  const { notification, action } = event;
  notification.close();
  const { conversation, message } = notification.data as { conversation: string; message: string };
  const text = (event as { reply?: string | null }).reply ?? '';
  const type = action === 'reply' && text !== '' ? 'reply' : 'open';
  const tell = async () => {
    const pages = await self.clients.matchAll({ type: 'window' });
    const page = pages.find((one) => one.visibilityState === 'visible') ?? pages[0];
    const told =
      page ?? (await self.clients.openWindow(`/#/chat/${encodeURIComponent(conversation)}`));
    told?.postMessage({ type, conversation, message, text });
    if (page && type === 'open') await page.focus().catch(() => {});
  };
  event.waitUntil(tell());
});
