import type { SinkChoice } from '../engine/messages.js';
import { MillraceError } from '../errors.js';
import { MEMORY_LIMIT_BYTES, MemoryStore } from './memory.js';
import { OpfsStore } from './opfs.js';
import type { Store } from './sink.js';

/**
 * Makes the store for one transfer. 'auto' takes the private file system where it can really be opened (private windows and
 * insecure pages refuse) and has room, and memory otherwise.
 * Errors: 'out-of-space', 'too-large', 'not-supported'.
 */
export async function createStore(choice: SinkChoice, totalBytes: number): Promise<Store> {
  if (choice === 'memory') return new MemoryStore(totalBytes);
  try {
    return await OpfsStore.create(totalBytes);
  } catch (caught) {
    if (choice === 'auto' && totalBytes <= MEMORY_LIMIT_BYTES) return new MemoryStore(totalBytes);
    throw MillraceError.from(caught, 'not-supported');
  }
}
