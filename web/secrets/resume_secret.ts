import { randomBytes } from '../base/ids.js';

/** Where the page's secret is kept, so that a sender that was reloaded still gives its files the same names. */
const KEY = 'millrace-resume-secret';
const BYTES = 16;

let secret: Uint8Array | undefined;

/**
 * 16 bytes of this origin's own that name transfers (`CoreSession.offer`). Kept in `localStorage` where there is one, else for
 * as long as the page lives. It protects no data: it keeps what is sent from being recognised by its token.
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
    // It lives as long as the page, then.
  }
  return bytes;
}
