import { wordlist } from '@scure/bip39/wordlists/english.js';

/** The 2,048 English words of BIP 39: short, common, and different within their first four letters. A file of its own in `dist/`. */
export const words: readonly string[] = wordlist;
