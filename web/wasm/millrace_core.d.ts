// Emscripten writes this file from wasm/session.cpp. In dist/ it lies beside the engine.
import type { Glue } from './load.js';
import type { CoreModule } from './session.js';

declare const load: Glue<CoreModule>['default'];
export default load;
