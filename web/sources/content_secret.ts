import type { SourceFile } from './source.js';

/** Files below this size, bytes, are sent again rather than resumed: nothing is read of them before. */
const LEAST_BYTES = 1024 * 1024;
/** Of each file, in bytes, evenly spread: the first block is the beginning, the last one the end. */
const BLOCK_BYTES = 4_096;
const BLOCKS = 16;
/** The largest files stand for all of a transfer. */
const MOST_FILES = 8;

/**
 * The secret for the token of a transfer, from the secret of this origin and samples of the contents: the other side must not take the
 * rest of a file that has other bytes than before, although its name, size and date are the same. What no sample shows is found at the
 * end ('hash-mismatch'). Returns undefined where there is nothing to resume, or where `crypto.subtle` does not exist (pages without HTTPS).
 * Cost: up to 512 KiB are read.
 */
export function contentSecret(secret: Uint8Array, sources: readonly SourceFile[]): Promise<Uint8Array> | undefined {
  const blobs = sources.flatMap(({ body }) => (body instanceof Blob && body.size >= LEAST_BYTES ? [body] : []));
  if (blobs.length === 0 || !globalThis.crypto?.subtle) return undefined;
  const largest = blobs.sort((a, b) => b.size - a.size).slice(0, MOST_FILES);
  return digest(secret, largest);
}

async function digest(secret: Uint8Array, blobs: readonly Blob[]): Promise<Uint8Array> {
  const samples = await new Blob([secret.slice(), ...blobs.flatMap(blocksOf)]).arrayBuffer();
  return new Uint8Array(await crypto.subtle.digest('SHA-256', samples)).slice(0, secret.length);
}

function blocksOf(blob: Blob): Blob[] {
  const last = blob.size - BLOCK_BYTES;
  return Array.from({ length: BLOCKS }, (_, index) => {
    const start = Math.floor((last * index) / (BLOCKS - 1));
    return blob.slice(start, start + BLOCK_BYTES);
  });
}
