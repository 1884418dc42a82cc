import { MillraceError } from '../api/errors.js';

/** Calls `action` with 'aborted' as soon as `signal` is aborted; at once, if it is already. Returns what stops listening. */
export function onAborted(signal: AbortSignal | undefined, action: (error: MillraceError) => void): () => void {
  const abort = (): void => action(new MillraceError('aborted'));
  if (signal?.aborted) abort();
  else signal?.addEventListener('abort', abort, { once: true });
  return () => signal?.removeEventListener('abort', abort);
}
