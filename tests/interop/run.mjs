import { families } from './families.mjs';
import { Random } from './random.mjs';

export const familyNames = Object.keys(families());

/**
 * `messages` random messages through one family, half of them each way.
 * Errors: throws at the first difference, with the seed and the message's number.
 */
export function runFamily(name, ours, peer, { seed, messages }) {
  const exchange = families()[name];
  const random = new Random(seed);
  for (let at = 0; at < messages; at++) {
    try {
      if (at % 2 === 0) exchange(ours, peer, random);
      else exchange(peer, ours, random);
    } catch (error) {
      throw new Error(`${name}, seed ${seed}, message ${at} (${at % 2 === 0 ? 'ours first' : 'theirs first'}): ${error.message}`, { cause: error });
    }
  }
}
