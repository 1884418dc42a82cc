// Emscripten writes this file from wasm/sodium.cpp. In dist/ it lies beside sodium.js.
import type { Glue } from './load.js';
import type { SodiumModule } from './sodium.js';

declare const load: Glue<SodiumModule>['default'];
export default load;
