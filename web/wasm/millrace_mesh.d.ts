// Emscripten writes this file from wasm/mesh.cpp. In dist/ it lies beside mesh.js.
import type { Glue } from './load.js';
import type { MeshModule } from './mesh.js';

declare const load: Glue<MeshModule>['default'];
export default load;
