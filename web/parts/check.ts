import { MillraceError } from '../api/errors.js';

/** Checks a choice. Errors: throws 'invalid-argument' where `value` is neither undefined nor one of `allowed`. */
export function checkChoice(name: string, value: string | undefined, allowed: readonly string[]): void {
  if (value !== undefined && !allowed.includes(value)) {
    throw new MillraceError('invalid-argument', `${name}: one of ${allowed.join(', ')}`);
  }
}

/** Checks a number, and gives it back. Errors: throws 'invalid-argument' where it is not finite, below `least` or above `most`. */
export function checkNumber(name: string, value: number, least: number, most = Infinity): number {
  if (!Number.isFinite(value) || value < least || value > most) {
    throw new MillraceError('invalid-argument', `${name}: a number from ${least}${most === Infinity ? '' : ` to ${most}`}`);
  }
  return value;
}
