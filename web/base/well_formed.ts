/**
 * The text with U+FFFD for each half of a surrogate pair that stands alone, as `String.prototype.toWellFormed`, which Safari before
 * 16.4 lacks. Embind would join such a half with the character behind it.
 */
export function toWellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}
