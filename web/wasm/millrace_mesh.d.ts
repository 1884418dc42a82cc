// What Emscripten makes of wasm/mesh.cpp; in dist/ it lies beside mesh.js.
import type { MeshModule } from './mesh.js';

declare const load: (options: object) => Promise<MeshModule>;
export default load;
