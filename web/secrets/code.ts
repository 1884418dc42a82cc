import { MillraceError } from '../api/errors.js';

const NUMBERS = 64;
const WORDS = 2;

/**
 * A new code to say aloud, such as `7-crossover-clockwork`: a number and two of 2,048 words. `nameplate`: the number that the
 * signalling server gave to whoever waits (`webSocketSignaling`), which leaves the 22 bits of the words to guess; without it, one
 * from 1 to 64 that counts for 6 more. Who guesses is right once in 4 million times, or in 268 million, has one guess in each
 * attempt to connect, and is seen.
 * Errors: rejects with 'invalid-argument' for a number that is not whole and positive; with 'internal' when the word list does
 * not load: it is a file of its own, fetched now.
 */
export async function createCode(nameplate?: number): Promise<string> {
  if (nameplate !== undefined && (!Number.isSafeInteger(nameplate) || nameplate < 1)) {
    throw new MillraceError('invalid-argument', 'the number of a code is whole and positive');
  }
  let words: readonly string[];
  try {
    ({ words } = await import('./words.js'));
  } catch (caught) {
    throw MillraceError.from(caught, 'internal');
  }
  // Both counts are powers of two, so every remainder is as likely as any other.
  const [number = 0, ...chosen] = crypto.getRandomValues(new Uint16Array(1 + WORDS));
  return [nameplate ?? 1 + (number % NUMBERS), ...chosen.map((value) => words[value % words.length])].join('-');
}

/**
 * A code as both sides compare it: case, width and form of letters, and what stands between the words make no difference, nor
 * do characters that nobody sees.
 */
export function normalizeCode(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .normalize('NFKC')
    .replace(/\p{Cf}/gu, '')
    .replace(/[\s\p{Pd}\u2212_]+/gu, '-')
    .replace(/^-|-$/g, '');
}
