import { randomBytes } from '../base/ids.js';

/** The key in `localStorage`: after a reload, a sender derives the same tokens for the same files. */
const KEY = 'millrace-resume-secret';
const BYTES = 16;

let secret: Uint8Array | undefined;

/**
 * 16 random bytes of this origin, from which the tokens of transfers are derived (`CoreSession.offer`). Kept in `localStorage` if
 * there is one, else for the life of the page. They protect no data, but keep files from being recognised by their token.
 */
export function resumeSecret(): Uint8Array {
  secret ??= load() ?? store(randomSecret());
  return secret.slice();
}

export function randomSecret(): Uint8Array {
  return randomBytes(BYTES);
}

function load(): Uint8Array | undefined {
  try {
    const numbers: unknown = JSON.parse(localStorage.getItem(KEY) ?? 'null');
    const bytes = Uint8Array.from(Array.isArray(numbers) ? numbers : []);
    return bytes.length === BYTES ? bytes : undefined;
  } catch {
    return undefined; // No storage, or somebody else wrote there.
  }
}

function store(bytes: Uint8Array): Uint8Array {
  try {
    localStorage.setItem(KEY, JSON.stringify([...bytes]));
  } catch {
    // Then it lives as long as the page.
  }
  return bytes;
}
