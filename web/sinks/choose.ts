import { MillraceError } from '../api/errors.js';
import { DirectoryStore } from './directory.js';
import { MemoryStore } from './memory.js';
import { openOpfsStore } from './opfs.js';
import type { Store, StoreOffer } from './sink.js';
import { toSinkError } from './sink_error.js';
import { StreamStore, type OpenStream } from './stream.js';

/** Destination of a transfer's files. */
export type StoreChoice =
  | 'auto'
  | 'memory'
  | 'opfs'
  | { readonly directory: FileSystemDirectoryHandle }
  | { readonly open: OpenStream };

/**
 * Makes the store for one transfer. 'auto' tries `directory`, if the page gave one; then the private file system, if it has room
 * and can be opened (private windows and insecure pages refuse); then memory.
 * Errors: rejects before anything is transferred, with 'out-of-space', 'too-large', 'not-supported' or 'sink-failed'. For
 * 'auto', the message lists what was tried and why it failed.
 */
export async function createStore(
  choice: StoreChoice,
  offer: StoreOffer,
  directory?: FileSystemDirectoryHandle,
): Promise<Store> {
  if (choice === 'auto') return createAny(offer, directory);
  try {
    if (choice === 'memory') return new MemoryStore(offer.totalBytes);
    if (choice === 'opfs') return await openOpfsStore(offer);
    if ('directory' in choice) return await DirectoryStore.create(choice.directory);
    return new StreamStore(choice.open);
  } catch (caught) {
    throw toSinkError(caught, choice === 'opfs' ? 'not-supported' : 'sink-failed');
  }
}

async function createAny(offer: StoreOffer, directory: FileSystemDirectoryHandle | undefined): Promise<Store> {
  const attempts: [name: string, attempt: () => Store | Promise<Store>][] = [
    ['private file system', () => openOpfsStore(offer)],
    ['memory', () => new MemoryStore(offer.totalBytes)],
  ];
  if (directory) attempts.unshift(['folder', () => DirectoryStore.create(directory)]);

  const failures: { name: string; error: MillraceError }[] = [];
  for (const [name, attempt] of attempts) {
    try {
      return await attempt();
    } catch (caught) {
      failures.push({ name, error: toSinkError(caught, 'not-supported') });
    }
  }
  // A full disk is a better explanation than a transfer that is too large for memory.
  const { code } = (failures.find(({ error }) => error.code === 'out-of-space') ?? failures.at(-1)!).error;
  throw new MillraceError(code, failures.map(({ name, error }) => `${name}: ${error.message}`).join('; '));
}
