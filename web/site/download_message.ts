/** Messages from the page to the service worker that turns streams into downloads. */
export type ToDownloadWorker =
  /** The next request for `download/ID` gets `stream` as its answer. An empty message to `ready` confirms that. */
  | {
      readonly type: 'download';
      readonly id: string;
      readonly name: string;
      /** Bytes, where known; the browser uses it to show progress. */
      readonly size: number | undefined;
      readonly stream: ReadableStream<Uint8Array>;
      readonly ready: MessagePort;
    }
  /** Keeps the service worker alive: browsers end an idle one, and the streams that go through it. */
  | { readonly type: 'alive' };
