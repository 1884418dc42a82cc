import { messageOf } from '../base/message_of.js';
import type { PeerConnectionClass } from '../index.js';

interface Stack {
  readonly default: { readonly RTCPeerConnection: PeerConnectionClass };
}

/** Loads libwebrtc for Node.js, a package of its own. Errors: rejects where it is not installed; the message says what to install. */
export async function loadStack(): Promise<PeerConnectionClass> {
  // In a variable, so that the compiler does not look for it: the package works without.
  const name = '@roamhq/wrtc';
  try {
    const { default: stack } = (await import(name)) as Stack;
    return stack.RTCPeerConnection;
  } catch (caught) {
    throw new Error(`Node.js has no WebRTC: npm install ${name} (${messageOf(caught)})`, { cause: caught });
  }
}
