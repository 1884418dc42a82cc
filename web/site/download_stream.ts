import { make } from './dom.js';
import type { ToDownloadWorker } from './download_message.js';
import { siteUrl } from './room.js';

/** Interval of messages that keep the service worker alive, ms: browsers end it after 30 s without one. */
const aliveMs = 10_000;
const startMs = 5_000;
/** The browser has taken over the answer by then, ms. */
const frameMs = 10_000;

/**
 * Opens a new entry in the browser's downloads. It takes the bytes that are written here, no faster than the disk does. Aborting this
 * stream makes the download fail; a person who stops the download makes this stream fail.
 * Errors: rejects where there can be no service worker (private windows of Firefox) or streams cannot go there (Safari).
 */
export async function openDownload(name: string, size: number | undefined): Promise<WritableStream<Uint8Array>> {
  const worker = await startWorker();
  const say = (message: ToDownloadWorker, transfer: Transferable[] = []): void => worker.postMessage(message, transfer);
  const id = crypto.randomUUID();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const { port1, port2 } = new MessageChannel();
  await within(startMs, (resolve) => {
    port1.onmessage = resolve;
    say({ type: 'download', id, name, size, stream: readable, ready: port2 }, [readable, port2]);
  });
  port1.close();

  // In a frame: navigating the page itself would end its connections, and ask whether to leave.
  const frame = make('iframe', { attributes: { src: siteUrl(`download/${id}`), title: name, hidden: '' } });
  document.body.append(frame);
  const timer = setInterval(() => say({ type: 'alive' }), aliveMs);
  const end = (): void => {
    clearInterval(timer);
    setTimeout(() => frame.remove(), frameMs);
  };
  const writer = writable.getWriter();
  writer.closed.then(end, end);
  return new WritableStream({
    write: (bytes) => writer.write(bytes),
    close: () => writer.close(),
    abort: (reason) => writer.abort(reason),
  });
}

async function startWorker(): Promise<ServiceWorker> {
  const registration = await navigator.serviceWorker.register(siteUrl('downloadWorker.js'), { scope: siteUrl('download/') });
  const worker = registration.active ?? registration.waiting ?? registration.installing;
  if (worker === null) throw new Error('there is no service worker');
  await within(startMs, (resolve) => {
    const check = (): void => {
      if (worker.state === 'activated') resolve(undefined);
    };
    worker.addEventListener('statechange', check);
    check();
  });
  return worker;
}

/** Errors: rejects when `start` has not resolved after `ms`. */
function within(ms: number, start: (resolve: (value: unknown) => void) => void): Promise<unknown> {
  return new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error('the service worker does not answer')), ms);
    start(resolve);
  });
}
