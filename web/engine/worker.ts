/** Entry of the dedicated worker: the engine behind `postMessage`, or a reader of blobs for several engines. */
import { refineClock } from '../base/fine_clock.js';
import { SlabHub } from '../sources/slab_hub.js';
import { Engine } from './engine.js';
import type { FromEngine, FromReader, ToEngine, ToReader } from './messages.js';

/** The part of `DedicatedWorkerGlobalScope` that this file uses; TypeScript's library for windows lacks it. */
interface WorkerScope {
  postMessage(message: FromEngine | FromReader): void;
  onmessage: ((event: MessageEvent<ToEngine | ToReader>) => void) | null;
  onmessageerror: (() => void) | null;
  addEventListener(type: 'error', listener: (event: ErrorEvent) => void): void;
}

refineClock();
const scope = self as unknown as WorkerScope;
const engine = new Engine((message) => scope.postMessage(message));
let hub: SlabHub | undefined;
scope.onmessage = ({ data }) => {
  if (data.type === 'blobs') hub = new SlabHub(data.blobs, { onread: (bytes) => scope.postMessage({ type: 'read', bytes }) });
  else if (data.type === 'reader') hub?.attach(data.port);
  else engine.handle(data);
};
scope.onmessageerror = () => engine.fail(new Error('the worker could not read a message of its window'));
// An exception that nothing caught. Here it has its stack; the window would get one line of text.
scope.addEventListener('error', (event) => {
  event.preventDefault();
  engine.fail(event.error ?? new Error(event.message));
});
