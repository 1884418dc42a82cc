import { describe, MillraceError } from '../api/errors.js';
import { orAborted } from '../base/deferred.js';
import { compileCore } from '../wasm/load_session.js';
import type { Engine } from './engine.js';
import { makeWorker, type WorkerSource } from './make_worker.js';
import type { FromEngine, ToEngine } from './messages.js';

/** The window's connection to an engine, which runs in a worker or in the window. */
export interface EnginePort {
  readonly inWorker: boolean;
  /** Why the engine runs in the window although a worker was allowed; null otherwise. */
  readonly fallback: string | null;
  /** A worker that cannot run reports `closed` and `released`, too. */
  onmessage: ((message: FromEngine) => void) | null;
  /** Errors: throws when something of `transfer` cannot be transferred. */
  post(message: ToEngine, transfer?: Transferable[]): void;
  terminate(): void;
}

/** How long a worker may take to load and to answer, ms. After that the engine runs in the window. */
const WORKER_TIMEOUT_MS = 10_000;

/** Where an engine may run, and where its files are. */
export interface EngineOptions extends WorkerSource {
  /** True insists on a worker, false on the window. */
  readonly worker: boolean | undefined;
}

/**
 * Starts an engine: in a dedicated worker if a channel really gets there, in the window otherwise.
 * Errors: rejects with 'not-supported' without WebAssembly SIMD, or if a worker was insisted on and cannot be had; with 'internal' if
 * the core is not in `assets`; and with the signal's reason once it is aborted. Nothing is left behind then.
 */
export async function startEngine(options: EngineOptions, signal: AbortSignal): Promise<EnginePort> {
  // In the window, once for all sessions.
  const compiling = compileCore(options.assets).catch((caught: unknown) => {
    const error = MillraceError.from(caught, 'internal');
    if (error.code === 'not-supported' || options.assets) throw error;
    // The engine tries by itself, and reports why it cannot.
    return undefined;
  });
  compiling.catch(() => {});
  const port = await openPort(options, signal);
  try {
    const module = await orAborted(compiling, signal);
    if (module) port.post({ type: 'core', module });
    return port;
  } catch (caught) {
    port.terminate();
    throw caught;
  }
}

async function openPort(options: EngineOptions, signal: AbortSignal): Promise<EnginePort> {
  let fallback: string | null = null;
  if (options.worker !== false) {
    const found = await tryWorker(options, signal);
    if (signal.aborted) {
      if (typeof found !== 'string') found.terminate();
      throw signal.reason;
    }
    if (typeof found !== 'string') return found;
    if (options.worker) throw new MillraceError('not-supported', `the engine cannot run in a worker: ${found}`);
    fallback = found;
  }
  // A file of its own, like the worker's, so that a page whose engine runs in a worker does not load it twice.
  const { Engine } = await import('./engine.js');
  if (signal.aborted) throw signal.reason;
  return new WindowPort((post) => new Engine(post), fallback);
}

/** A worker that can use a channel, or the reason why there is none. */
async function tryWorker(source: WorkerSource, signal: AbortSignal): Promise<WorkerPort | string> {
  if (typeof Worker === 'undefined' || typeof RTCPeerConnection === 'undefined') return 'there are no workers here';
  let port: WorkerPort | undefined;
  let problem: string;
  const connection = new RTCPeerConnection();
  const closeProbe = (): void => connection.close();
  signal.addEventListener('abort', closeProbe);
  try {
    port = new WorkerPort(makeWorker(source));
    const answer = firstAnswer(port, signal);
    // Channels can be transferred only in the task that made them.
    const channel = connection.createDataChannel('millrace-probe', { negotiated: true, id: 0 });
    port.post({ type: 'probe', channel }, [channel]);
    problem = await answer;
    if (problem === '') return port;
  } catch (caught) {
    // A DataCloneError, or a policy that forbids workers: the engine can run in the window.
    problem = describe(caught);
  } finally {
    signal.removeEventListener('abort', closeProbe);
    closeProbe();
  }
  port?.terminate();
  return problem;
}

/** Empty: the worker can use channels; otherwise the reason why it cannot. */
function firstAnswer(port: WorkerPort, signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    const settle = (problem: string): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      port.onmessage = null;
      resolve(problem);
    };
    const onAbort = (): void => settle('aborted');
    signal.addEventListener('abort', onAbort);
    const timer = setTimeout(() => settle(`the worker did not answer within ${WORKER_TIMEOUT_MS / 1000} s`), WORKER_TIMEOUT_MS);
    port.onmessage = (message) => {
      if (message.type === 'closed') settle(message.detail);
      else settle(message.type === 'probed' && message.transferred ? '' : 'data channels do not arrive in a worker');
    };
  });
}

class WorkerPort implements EnginePort {
  readonly inWorker = true;
  readonly fallback = null;
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
  readonly fallback: string | null;
  onmessage: EnginePort['onmessage'] = null;
  readonly #engine: Engine;

  constructor(makeEngine: (post: (message: FromEngine) => void) => Engine, fallback: string | null) {
    this.fallback = fallback;
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
