// What Emscripten makes of wasm/sodium.cpp; in dist/ it lies beside sodium.js.
import type { SodiumModule } from './sodium.js';

declare const load: (options: object) => Promise<SodiumModule>;
export default load;
