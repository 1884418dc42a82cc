/** Entry of the dedicated worker: the engine behind `postMessage`. */
import { Engine } from './engine.js';
import type { FromEngine, ToEngine } from './messages.js';

/** The part of `DedicatedWorkerGlobalScope` that this file uses; TypeScript's library for windows lacks it. */
interface WorkerScope {
  postMessage(message: FromEngine): void;
  onmessage: ((event: MessageEvent<ToEngine>) => void) | null;
  onmessageerror: (() => void) | null;
  addEventListener(type: 'error', listener: (event: ErrorEvent) => void): void;
}

const scope = self as unknown as WorkerScope;
const engine = new Engine((message) => scope.postMessage(message));
scope.onmessage = ({ data }) => engine.handle(data);
scope.onmessageerror = () => engine.fail(new Error('the worker could not read a message of its window'));
// An exception that nothing caught. Here it has its stack; the window would get one line of text.
scope.addEventListener('error', (event) => {
  event.preventDefault();
  engine.fail(event.error ?? new Error(event.message));
});
