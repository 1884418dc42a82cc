import { byteLength } from './bytes.js';

/** How many of one name are told apart; a folder that has them all is not worth looking through further. */
const MAX_SAME_NAMES = 10_000;
/** The limit of common file systems for a name, bytes of UTF-8. */
const MAX_NAME_BYTES = 255;
/** Longer than any extension that means something, bytes; as in the core. */
const MAX_EXTENSION_BYTES = 32;
/** What belongs to the character before it: marks, joiners, variation selectors, tags, skin tones. */
const EXTENDS_CHARACTER = /^[\p{Mark}\p{Default_Ignorable_Code_Point}\p{Emoji_Modifier}]/u;

/**
 * The name itself, then the same with " (2)", " (3)" and so on before its extension: "a.tar (2).gz"; 10,000 in all. What is longer
 * than `maxBytes` in UTF-8 is cut between characters before the number.
 */
export function* namesLike(name: string, maxBytes = MAX_NAME_BYTES): Generator<string> {
  yield numbered(name, '', maxBytes);
  for (let count = 2; count <= MAX_SAME_NAMES; count += 1) yield numbered(name, ` (${count})`, maxBytes);
}

function numbered(name: string, number: string, maxBytes: number): string {
  const dot = name.lastIndexOf('.');
  // A name that begins with its only dot has no extension.
  const hasExtension = dot > 0 && byteLength(name.slice(dot)) <= MAX_EXTENSION_BYTES;
  const [stem, extension] = hasExtension ? [name.slice(0, dot), name.slice(dot)] : [name, ''];
  return `${clip(stem, maxBytes - byteLength(number + extension))}${number}${extension}`;
}

/** The longest beginning of at most `maxBytes` that ends between characters, or between code points where the first is longer. */
function clip(text: string, maxBytes: number): string {
  if (byteLength(text) <= maxBytes) return text;
  let bytes = 0;
  let end = 0;
  let character = 0;
  let before = '';
  for (const codePoint of text) {
    if (!EXTENDS_CHARACTER.test(codePoint) && before !== '\u200d') character = end;
    bytes += byteLength(codePoint);
    if (bytes > maxBytes) break;
    end += codePoint.length;
    before = codePoint;
  }
  return text.slice(0, character || end);
}
