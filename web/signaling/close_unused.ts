import { isRecord } from '../base/is_record.js';

/** Closes the signalling of options that were refused, whatever they are: a socket that nobody listens to would keep its place in the room. */
export function closeUnused(options: unknown): void {
  try {
    const signaling = isRecord(options) ? options.signaling : undefined;
    if (isRecord(signaling) && typeof signaling.close === 'function') (signaling as { close(): void }).close();
  } catch {
    // The error that is on its way says what is wrong with them.
  }
}
