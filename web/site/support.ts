import { PageError } from './errors.js';

/** What this browser lacks, if anything; shown before anybody waits for a transfer. */
export function missing(): PageError | undefined {
  if (!window.isSecureContext) return new PageError('insecure-page');
  if (typeof RTCPeerConnection === 'undefined') return new PageError('no-webrtc');
  if (typeof WebAssembly === 'undefined' || typeof Worker === 'undefined' || !('subtle' in crypto)) return new PageError('too-old');
  return undefined;
}
