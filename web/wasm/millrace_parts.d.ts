// What Emscripten makes of wasm/parts.cpp; in dist/ it lies beside parts.js.
import type { PartsModule } from './parts.js';

declare const load: (options: object) => Promise<PartsModule>;
export default load;
