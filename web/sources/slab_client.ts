import { MillraceError, toError } from '../api/errors.js';
import { deferred, type Deferred } from '../base/deferred.js';
import { readBlob } from './read_blob.js';
import type { SlabAnswer, SlabRequest } from './slab_hub.js';

/** A hub that does not answer within this time, ms, is not asked again: its worker did not load, or its disk is very slow. */
const PATIENCE_MS = 5_000;

/** Reads blobs through a `SlabHub`, which reads them for others as well; without it once it does not answer. */
export class SlabClient {
  readonly #port: MessagePort;
  readonly #blobs: readonly Blob[];
  readonly #patienceMs: number;
  readonly #pending = new Map<number, { readonly bytes: Deferred<Uint8Array>; readonly timer: ReturnType<typeof setTimeout> }>();
  #asked = 0;
  #isAlone = false;

  constructor(port: MessagePort, blobs: readonly Blob[], patienceMs = PATIENCE_MS) {
    this.#port = port;
    this.#blobs = blobs;
    this.#patienceMs = patienceMs;
    port.onmessage = ({ data }: MessageEvent<SlabAnswer>) => this.#hear(data);
  }

  /** Errors: rejects with 'source-changed' or 'source-failed'. */
  load(file: number, start: number, end: number): Promise<Uint8Array> {
    if (this.#isAlone) return readBlob(this.#blobs[file]!, start, end);
    const read = (this.#asked += 1);
    const bytes = deferred<Uint8Array>();
    const timer = setTimeout(() => {
      this.#pending.delete(read);
      this.#isAlone = true;
      readBlob(this.#blobs[file]!, start, end).then(bytes.resolve, bytes.reject);
    }, this.#patienceMs);
    this.#pending.set(read, { bytes, timer });
    this.#port.postMessage({ read, file, start, end } satisfies SlabRequest);
    return bytes.promise;
  }

  /** Loads that are under way fail. */
  close(): void {
    this.#isAlone = true;
    this.#port.postMessage('done' satisfies SlabRequest);
    this.#port.close();
    for (const { bytes, timer } of this.#pending.values()) {
      clearTimeout(timer);
      bytes.reject(new MillraceError('source-failed', 'the transfer has ended'));
    }
    this.#pending.clear();
  }

  #hear(answer: SlabAnswer): void {
    const request = this.#pending.get(answer.read);
    // It came too late.
    if (!request) return;
    this.#pending.delete(answer.read);
    clearTimeout(request.timer);
    if ('bytes' in answer) request.bytes.resolve(new Uint8Array(answer.bytes));
    else request.bytes.reject(toError(answer.code, answer.detail, 'source-failed'));
  }
}
