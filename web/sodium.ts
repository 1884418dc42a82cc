/**
 * What npm `libsodium-wrappers` offers for the families listed in docs/sodium.md, from this project's own
 * build of libsodium. A chunk of its own: nothing of it is loaded by transfers.
 *
 * @module millrace/sodium
 */
export * from './sodium/sodium.js';
export { default } from './sodium/sodium.js';
