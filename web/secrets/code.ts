import { MillraceError } from '../api/errors.js';

const NUMBERS = 64;
const WORDS = 2;

/**
 * Makes a new code to say aloud, such as `7-crossover-clockwork`: a number and two of 2,048 words.
 * `nameplate`: the number that the signalling server assigned (`webSocketSignaling`); the words leave 22 bits to guess. Without it
 * the number is random, from 1 to 64, and adds 6 bits. An attacker has one guess per attempt to connect, which succeeds once in
 * 4 million (or 268 million) times and is noticed.
 * Errors: rejects with 'invalid-argument' for a number that is not a positive integer, and with 'internal' if the list of words,
 * a file of its own, does not load.
 */
export async function createCode(nameplate?: number): Promise<string> {
  if (nameplate !== undefined && (!Number.isSafeInteger(nameplate) || nameplate < 1)) {
    throw new MillraceError('invalid-argument', 'the number of a code must be a positive integer');
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
 * A code in the form that both sides compare. Case, width and form of letters, separators between the words, and invisible
 * characters make no difference.
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
