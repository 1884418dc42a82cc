/** Entry of the dedicated worker: the engine behind `postMessage`. */
import { Engine } from './engine.js';
import type { FromEngine, ToEngine } from './messages.js';

/** What this file needs of `DedicatedWorkerGlobalScope`, which TypeScript's window library does not have. */
interface WorkerScope {
  postMessage(message: FromEngine): void;
  onmessage: ((event: MessageEvent<ToEngine>) => void) | null;
}

const scope = self as unknown as WorkerScope;
const engine = new Engine((message) => scope.postMessage(message));
scope.onmessage = ({ data }) => engine.handle(data);
