import { randomBytes } from '../base/ids.js';

/** Lends `count` random bytes to `use`, such as for one handshake, and wipes them afterwards. */
export function withEntropy<T>(count: number, use: (entropy: Uint8Array) => T): T {
  const entropy = randomBytes(count);
  try {
    return use(entropy);
  } finally {
    entropy.fill(0);
  }
}
