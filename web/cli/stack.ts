import type { PeerConnectionClass } from '../index.js';

/** Packages that bring WebRTC to Node.js, best first. */
const stacks = ['node-datachannel/polyfill', '@roamhq/wrtc'];

interface Stack {
  readonly RTCPeerConnection?: PeerConnectionClass;
  readonly default?: { readonly RTCPeerConnection?: PeerConnectionClass };
}

/** The first WebRTC stack that is installed. Errors: rejects where there is none, saying what to install. */
export async function loadStack(): Promise<PeerConnectionClass> {
  const failures: string[] = [];
  for (const name of stacks) {
    try {
      const stack = (await import(name)) as Stack;
      const found = stack.RTCPeerConnection ?? stack.default?.RTCPeerConnection;
      if (found) return found;
      failures.push(`${name}: has no RTCPeerConnection`);
    } catch (caught) {
      const missing = (caught as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND';
      failures.push(`${name}: ${missing ? 'is not installed' : String(caught)}`);
    }
  }
  throw new Error(`no WebRTC here (${failures.join('; ')}): npm install node-datachannel`);
}
