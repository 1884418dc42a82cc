// Emscripten writes this file from wasm/parts.cpp. In dist/ it lies beside parts.js.
import type { Glue } from './load.js';
import type { PartsModule } from './parts.js';

declare const load: Glue<PartsModule>['default'];
export default load;
