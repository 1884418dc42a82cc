import { normalizeCode } from '../index.js';
import { words } from '../secrets/words.js';
import { UsageError } from './usage_error.js';

/**
 * The code in a text that somebody copied, with quotes, brackets, "Code:" or a full stop around it, or words with spaces between them;
 * undefined where there is none.
 */
export function findCode(text: string): string | undefined {
  return /(?:^|[^\p{L}\p{N}])([1-9]\d{0,8}-[a-z]+-[a-z]+)[^\p{L}\p{N}]*$/u.exec(normalizeCode(text))?.[1];
}

/** A wrong code would be burnt by the attempt, and this one cannot be right. Errors: throws a `UsageError` that names the word. */
export function checkWords(code: string): void {
  const known = new Set(words);
  for (const word of code.split('-').slice(1)) {
    if (!known.has(word)) throw new UsageError(`no code has the word "${word}"${suggestion(word)}. The code was not used up`);
  }
}

/** Words of codes differ within their first four letters. */
function suggestion(word: string): string {
  const near = words.find((each) => each.slice(0, 4) === word.slice(0, 4)) ?? words.find((each) => each.slice(0, 3) === word.slice(0, 3));
  return near === undefined ? '' : `: is it "${near}"?`;
}
