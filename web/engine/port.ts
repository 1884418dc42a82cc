import { MillraceError } from '../api/errors.js';
import { orAborted } from '../base/deferred.js';
import { compileCore } from '../wasm/load_session.js';
import type { Engine } from './engine.js';
import type { FromEngine, ToEngine } from './messages.js';

/** The window's connection to an engine, which runs in a worker or in the window. */
export interface EnginePort {
  readonly inWorker: boolean;
  /** A worker that cannot run reports `closed` and `released`, too. */
  onmessage: ((message: FromEngine) => void) | null;
  /** Errors: throws when something of `transfer` cannot be transferred. */
  post(message: ToEngine, transfer?: Transferable[]): void;
  terminate(): void;
}

/** How long a worker may take to load and to answer, ms. After that the engine runs in the window. */
const WORKER_TIMEOUT_MS = 10_000;

/**
 * Starts an engine: in a dedicated worker if a channel really gets there, in the window otherwise.
 * `worker`: true insists on the worker, false on the window.
 * Errors: rejects with 'not-supported' when a worker was insisted on and cannot be had, and with the signal's reason once
 * it is aborted; nothing is left behind then.
 */
export async function startEngine(worker: boolean | undefined, signal: AbortSignal): Promise<EnginePort> {
  // In the window, once for all sessions. Where this fails, the engine tries by itself and reports why it cannot.
  const compiling = compileCore().catch(() => undefined);
  const port = await openPort(worker, signal);
  try {
    const module = await orAborted(compiling, signal);
    if (module) port.post({ type: 'core', module });
    return port;
  } catch (caught) {
    port.terminate();
    throw caught;
  }
}

async function openPort(worker: boolean | undefined, signal: AbortSignal): Promise<EnginePort> {
  if (worker !== false) {
    const port = await tryWorker(signal);
    if (signal.aborted) {
      port?.terminate();
      throw signal.reason;
    }
    if (port) return port;
    if (worker) throw new MillraceError('not-supported', 'data channels cannot be used in a worker here');
  }
  // A file of its own, like the worker's, so that a page whose engine runs in a worker does not load it twice.
  const { Engine } = await import('./engine.js');
  if (signal.aborted) throw signal.reason;
  return new WindowPort((post) => new Engine(post));
}

/** A worker that can use a channel, or undefined. */
async function tryWorker(signal: AbortSignal): Promise<WorkerPort | undefined> {
  if (typeof Worker === 'undefined' || typeof RTCPeerConnection === 'undefined') return undefined;
  let port: WorkerPort | undefined;
  const connection = new RTCPeerConnection();
  const closeProbe = (): void => connection.close();
  signal.addEventListener('abort', closeProbe);
  try {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'millrace' });
    port = new WorkerPort(worker);
    const answer = firstAnswer(port, signal);
    // Channels can be transferred only in the task that made them.
    const channel = connection.createDataChannel('millrace-probe', { negotiated: true, id: 0 });
    port.post({ type: 'probe', channel }, [channel]);
    if (await answer) return port;
  } catch {
    // A DataCloneError, or a policy that forbids workers: the engine can run in the window.
  } finally {
    signal.removeEventListener('abort', closeProbe);
    closeProbe();
  }
  port?.terminate();
  return undefined;
}

function firstAnswer(port: WorkerPort, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (usable: boolean): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      port.onmessage = null;
      resolve(usable);
    };
    const onAbort = (): void => settle(false);
    signal.addEventListener('abort', onAbort);
    const timer = setTimeout(() => settle(false), WORKER_TIMEOUT_MS);
    port.onmessage = (message) => settle(message.type === 'probed' && message.transferred);
  });
}

class WorkerPort implements EnginePort {
  readonly inWorker = true;
  onmessage: EnginePort['onmessage'] = null;
  readonly #worker: Worker;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<FromEngine>) => this.onmessage?.(data);
    worker.onmessageerror = () => this.#fail('the window could not read a message of its worker');
    worker.onerror = (event) => {
      event.preventDefault();
      // Exceptions while the engine runs are its own to report. Without a message, the script did not load.
      const { message, filename, lineno, colno } = event;
      this.#fail(message ? `the worker failed: ${message} (${filename}:${lineno}:${colno})` : 'the worker did not load');
    };
  }

  post(message: ToEngine, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  terminate(): void {
    this.onmessage = null;
    this.#worker.terminate();
  }

  #fail(detail: string): void {
    this.onmessage?.({ type: 'closed', code: 'internal', detail, byPeer: false });
    this.onmessage?.({ type: 'released' });
  }
}

/** The engine in this window. Its messages arrive after the current task, as a worker's do. */
class WindowPort implements EnginePort {
  readonly inWorker = false;
  onmessage: EnginePort['onmessage'] = null;
  readonly #engine: Engine;

  constructor(makeEngine: (post: (message: FromEngine) => void) => Engine) {
    this.#engine = makeEngine((message) => queueMicrotask(() => this.onmessage?.(message)));
  }

  post(message: ToEngine): void {
    // At once, because a channel's listeners must be there before its first event.
    this.#engine.handle(message);
  }

  terminate(): void {
    this.onmessage = null;
    this.#engine.handle({ type: 'close', code: 'closed', detail: '' });
  }
}
