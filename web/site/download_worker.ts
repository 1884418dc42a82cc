import type { ToDownloadWorker } from './download_message.js';

/**
 * Answers requests below `download/` with streams that the page hands over, so that the browser writes them to its downloads as they
 * come. It sees no other request: its scope is that folder.
 */
declare const self: ServiceWorkerGlobalScope;

const downloads = new Map<string, Response>();

self.addEventListener('install', () => void self.skipWaiting());

self.addEventListener('message', ({ data }) => {
  const message = data as ToDownloadWorker;
  if (message.type !== 'download') return;
  const { id, name, size, stream, ready } = message;
  const headers = {
    // Bytes and nothing else: shown as a page, it would belong to this site.
    'Content-Type': 'application/octet-stream',
    'Content-Disposition': `attachment; filename*=UTF-8''${encodeName(name)}`,
    'Content-Security-Policy': "default-src 'none'; sandbox",
    'X-Content-Type-Options': 'nosniff',
    // A page with this policy takes answers into its frames only with the same one.
    'Cross-Origin-Embedder-Policy': 'require-corp',
    'Cross-Origin-Resource-Policy': 'same-origin',
    ...(size === undefined ? {} : { 'Content-Length': String(size) }),
  };
  downloads.set(id, new Response(stream, { headers }));
  ready.postMessage(null);
});

self.addEventListener('fetch', (event) => {
  const id = new URL(event.request.url).pathname.split('/').at(-1) ?? '';
  const download = downloads.get(id);
  downloads.delete(id);
  event.respondWith(download ?? new Response('This download is over.', { status: 404 }));
});

/** As RFC 8187 wants it, which is a little more than `encodeURIComponent` does. */
function encodeName(name: string): string {
  return encodeURIComponent(name).replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
