import { LazyPromise } from '../base/lazy_promise.js';
import { callSodium, loadSodium, readString } from '../wasm/sodium.js';
import { base64_variants, from_base64, to_base64 } from './base64.js';
import { makeFunction } from './call.js';
import { constants } from './constants.js';
import { functionTable } from './functions.js';
import { from_hex, to_hex } from './hex.js';
import { add, compare, increment, is_zero, memcmp, memzero } from './numbers.js';
import { output_formats } from './output_format.js';
import { pad, unpad } from './padding.js';
import type { SodiumFunctions } from './types.js';
import { from_string, to_string } from './utf8.js';

export { add, base64_variants, compare, from_base64, from_hex, from_string, increment, is_zero, memcmp, memzero, output_formats };
export { pad, symbols, to_base64, to_hex, to_string, unpad };
export type { OutputFormat } from './output_format.js';
export type {
  Encapsulation,
  Formatted,
  FormattedRecord,
  KeyPair,
  Message,
  Pulled,
  SodiumFunctions,
  StateAddress,
  StringOutputFormat,
  Uint8ArrayOutputFormat,
} from './types.js';

const helpers = {
  add,
  base64_variants,
  compare,
  from_base64,
  from_hex,
  from_string,
  increment,
  is_zero,
  memcmp,
  memzero,
  output_formats,
  pad,
  symbols,
  to_base64,
  to_hex,
  to_string,
  unpad,
};

const functions = Object.fromEntries(Object.entries(functionTable).map(([name, spec]) => [name, makeFunction(name, spec)]));

/** Properties of the loaded build; undefined until `ready`. */
export interface BuildConstants {
  /** Of libsodium's binary interface. */
  readonly SODIUM_LIBRARY_VERSION_MAJOR: number;
  /** Of libsodium's binary interface. */
  readonly SODIUM_LIBRARY_VERSION_MINOR: number;
  /** Such as '1.0.22'. */
  readonly SODIUM_VERSION_STRING: string;
}

/** The default export: helpers and functions, which are exported by name or listed here, and constants (docs/sodium.md). */
export type Sodium = {
  /** As the export of that name. */
  readonly ready: Promise<void>;
} & Readonly<typeof helpers & typeof constants & SodiumFunctions & BuildConstants>;

/** Resolves when libsodium is loaded, which begins when this is first awaited. Rejects if the `.wasm` file cannot be loaded; the next `await` tries again. */
export const ready: Promise<void> = new LazyPromise(async () => {
  await loadSodium();
  Object.assign(sodium, {
    SODIUM_LIBRARY_VERSION_MAJOR: callSodium('sodium_library_version_major'),
    SODIUM_LIBRARY_VERSION_MINOR: callSodium('sodium_library_version_minor'),
    SODIUM_VERSION_STRING: readString(Number(callSodium('sodium_version_string'))),
  } satisfies Record<keyof BuildConstants, unknown>);
});

/** Everything that is here; functions may be called once `ready` has resolved. */
const sodium = { ready, ...helpers, ...constants, ...functions } as Sodium;

/** Every name that is there, in order. */
function symbols(): string[] {
  return Object.keys(sodium).sort();
}

export default sodium;
