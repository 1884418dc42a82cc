// What Emscripten makes of wasm/session.cpp; in dist/ it lies beside the engine.
import type { CoreModule } from './session.js';

declare const load: (options: object) => Promise<CoreModule>;
export default load;
