import { messageOf } from '../base/message_of.js';
import type { PeerConnectionClass } from '../index.js';

interface Stack {
  readonly default: { readonly RTCPeerConnection: PeerConnectionClass };
}

/** libwebrtc for Node.js, which is installed beside the package. Errors: rejects where it is not, saying what to install. */
export async function loadStack(): Promise<PeerConnectionClass> {
  // A variable, since the package works without it.
  const name = '@roamhq/wrtc';
  try {
    const { default: stack } = (await import(name)) as Stack;
    return stack.RTCPeerConnection;
  } catch (caught) {
    throw new Error(`no WebRTC here: npm install ${name} (${messageOf(caught)})`);
  }
}
