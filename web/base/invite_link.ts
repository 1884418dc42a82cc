/** `&` as mail programs and web pages write it, once or several times over. */
const AMPERSAND = /&(?:(?:amp|#0*38|#x0*26);)+/gi;
/** Characters without a width, which copying and line breaking put into long words. */
const INVISIBLE = /[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/g;
/** Encoders that take each other's output as plain text. */
const MOST_ENCODINGS = 3;
/** Characters of a room or a key that a page has made: 128 bits in base64url. */
const ID_LENGTH = 22;
/** The last of these characters holds two bits. */
const ENDS_AN_ID = /[AQgw]$/;

/**
 * The fragment of an invite link, with its '#', as the page that made the link wrote it: programs that pass links on encode characters
 * twice, write `&amp;` for `&`, change the case of the names, and take the punctuation behind a link for a part of it.
 * `fragment`: begins with '#'. Other names than those of the site are left out. A fragment without damage stays as it
 * is; a lost part of a room or key stays lost.
 */
export function repairFragment(fragment: string): string {
  const text = decode(fragment).replace(AMPERSAND, '&').replace(INVISIBLE, '');
  if (!/[#&?]room=/i.test(text)) return fragment;
  const options = text.slice(1).split(/[&#?]/).flatMap((option) => {
    const [, name = '', value = ''] = /^(room|key|worker|sink|exposed)=([^=]*)/i.exec(option) ?? [];
    return name === '' ? [] : [[name.toLowerCase(), value] as const];
  });
  // Mail programs that do not decode a message leave "=3D" for "=".
  const quoted = options.length > 1 && options.every(([, value]) => value.startsWith('3D'));
  return `#${options.map(([name, value]) => `${name}=${cut(quoted ? value.slice(2) : value)}`).join('&')}`;
}

/** The repaired fragment of the invite link in `text`, which may have words around it; undefined where it contains none. */
export function findFragment(text: string): string | undefined {
  const decoded = decode(text);
  const start = decoded.search(/#[^\s#]*room=/i);
  if (start < 0) return undefined;
  return repairFragment(decoded.slice(start).split(/\s/, 1)[0] ?? '');
}

/** Notes in a fragment that its key has been in an address that a server saw. The page warns then. */
export function markExposed(fragment: string): string {
  return `${fragment}&exposed=1`;
}

/** What was a fragment until an encoder wrote `%23` for its '#': such a link leads to a path or a query with the room's name. */
export function findLostFragment(path: string): { readonly before: string; readonly fragment: string } | undefined {
  const found = /%(?:25)*23(?=room(?:=|%))/i.exec(path);
  if (found === null) return undefined;
  return { before: path.slice(0, found.index), fragment: `#${path.slice(found.index + found[0].length)}` };
}

/** The part of a value before punctuation, brackets or words that followed the link. */
function cut(value: string): string {
  const plain = /^[A-Za-z0-9_-]*/.exec(value)?.[0] ?? '';
  const id = plain.slice(0, ID_LENGTH);
  // Emphasis, as in _link_: what remains is a whole number of bytes.
  return ENDS_AN_ID.test(id) && /^[-_]+$/.test(plain.slice(ID_LENGTH)) ? id : plain;
}

function decode(text: string): string {
  let decoded = text;
  for (let round = 0; round < MOST_ENCODINGS && decoded.includes('%'); round += 1) {
    try {
      decoded = decodeURIComponent(decoded);
    } catch {
      // A per cent sign that encodes nothing: the values end there.
      break;
    }
  }
  return decoded;
}
