import { MillraceError } from '../api/errors.js';
import { number as numberShape, text as textShape } from '../api/shape.js';

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
  if (nameplate !== undefined) numberShape({ least: 1, whole: true }).check(nameplate, 'nameplate');
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
 * characters make no difference. Errors: throws 'invalid-argument' for a value that is no text.
 */
export function normalizeCode(text: string): string {
  return textShape()
    .check(text, 'code')
    .normalize('NFKC')
    .toLowerCase()
    .normalize('NFKC')
    .replace(/\p{Cf}/gu, '')
    .replace(/[\s\p{Pd}\u2212_]+/gu, '-')
    .replace(/^-|-$/g, '');
}
