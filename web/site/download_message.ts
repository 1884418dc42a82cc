/** What the page says to the service worker that makes downloads of streams. */
export type ToDownloadWorker =
  /** The next request for `download/ID` is answered with `stream`. An empty message to `ready` says that it will be. */
  | {
      readonly type: 'download';
      readonly id: string;
      readonly name: string;
      /** Bytes, where they are known; the browser shows how far it is. */
      readonly size: number | undefined;
      readonly stream: ReadableStream<Uint8Array>;
      readonly ready: MessagePort;
    }
  /** Browsers end a service worker that hears nothing, with the streams that go through it. */
  | { readonly type: 'alive' };
