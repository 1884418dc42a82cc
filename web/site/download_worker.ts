import type { ToDownloadWorker } from './download_message.js';

/**
 * Answers requests below `download/` with streams that the page hands over, so that the browser writes their bytes to its downloads
 * as they arrive. Its scope is that folder, so it sees no other request.
 */
declare const self: ServiceWorkerGlobalScope;

/** The worker stays for this time after each message, ms. A page that nobody sees may send one a minute; browsers end a worker whose events wait for longer than 5 min. */
const stayMs = 120_000;

const downloads = new Map<string, Response>();

self.addEventListener('install', () => void self.skipWaiting());

self.addEventListener('message', (event) => {
  event.waitUntil(new Promise((resolve) => setTimeout(resolve, stayMs)));
  const message = event.data as ToDownloadWorker;
  if (message.type !== 'download') return;
  const { id, name, size, stream, ready } = message;
  const headers = {
    // Plain bytes: a document that the browser showed as a page would run as this site.
    'Content-Type': 'application/octet-stream',
    'Content-Disposition': `attachment; filename*=UTF-8''${encodeName(name)}`,
    'Content-Security-Policy': "default-src 'none'; sandbox",
    'X-Content-Type-Options': 'nosniff',
    // A page with this policy accepts only answers with the same policy in its frames.
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

/** A file name for a header, encoded as in RFC 8187: `encodeURIComponent` leaves a few characters too many. */
function encodeName(name: string): string {
  return encodeURIComponent(name).replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
