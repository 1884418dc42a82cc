import { SlabHub } from '../sources/slab_hub.js';
import { makeWorker, type WorkerSource } from './make_worker.js';
import type { FromReader, ToReader } from './messages.js';

export type { WorkerSource };

/** Reads blobs once for the engines of several sessions. */
export interface SharedReader {
  /** A way to the reader, for one more engine. */
  open(): MessagePort;
  /** Engines that still read go on by themselves. */
  close(): void;
}

/** `workers`: makes the engines' workers, and the reader's; undefined where engines run in the window. `onread`: called with the size of each part that was read. */
export function startSharedReader(blobs: readonly Blob[], workers: WorkerSource | undefined, onread: (bytes: number) => void): SharedReader {
  return (workers ? startInWorker(blobs, workers, onread) : undefined) ?? startInWindow(blobs, onread);
}

function startInWindow(blobs: readonly Blob[], onread: (bytes: number) => void): SharedReader {
  const hub = new SlabHub(blobs, { onread });
  return {
    open: () => {
      const { port1, port2 } = new MessageChannel();
      hub.attach(port1);
      return port2;
    },
    close: () => hub.close(),
  };
}

/** Undefined where there can be no worker. One that does not load never answers, and engines then read by themselves. */
function startInWorker(blobs: readonly Blob[], workers: WorkerSource, onread: (bytes: number) => void): SharedReader | undefined {
  let worker: Worker;
  try {
    worker = makeWorker(workers);
  } catch {
    return undefined;
  }
  const post = (message: ToReader, transfer: Transferable[] = []): void => worker.postMessage(message, transfer);
  worker.onmessage = ({ data }: MessageEvent<FromReader>) => onread(data.bytes);
  worker.onerror = (event) => event.preventDefault();
  post({ type: 'blobs', blobs });
  return {
    open: () => {
      const { port1, port2 } = new MessageChannel();
      post({ type: 'reader', port: port1 }, [port1]);
      return port2;
    },
    close: () => worker.terminate(),
  };
}
