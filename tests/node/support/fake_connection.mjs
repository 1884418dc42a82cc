/** Every connection made since a test emptied it, in order. */
export const connections = [];

/** The fingerprint that fakes describe themselves with, as it stands in a description. */
export const fingerprint = `sha-256 ${Array(32).fill('AB').join(':')}`;

/** A description with this fingerprint. */
export function describe(text, print = fingerprint) {
  return `s=${text}\r\na=fingerprint:${print}\r\n`;
}

/** As much of a peer connection as `PeerLink` uses; a test moves `connectionState`. */
export class FakeConnection extends EventTarget {
  connectionState = 'new';
  signalingState = 'stable';
  localDescription = null;
  remoteDescription = null;
  sctp = { maxMessageSize: 262_144 };
  restarts = 0;
  /** The descriptions of the other side. */
  described = [];

  constructor() {
    super();
    connections.push(this);
  }

  createDataChannel() {
    return {};
  }

  async setLocalDescription() {
    const type = this.signalingState === 'have-remote-offer' ? 'answer' : 'offer';
    this.signalingState = type === 'offer' ? 'have-local-offer' : 'stable';
    this.localDescription = { type, sdp: describe(`${connections.indexOf(this)} ${this.restarts}`) };
  }

  async setRemoteDescription({ type, sdp }) {
    this.described.push(sdp);
    this.remoteDescription = { type, sdp };
    this.signalingState = type === 'offer' ? 'have-remote-offer' : 'stable';
  }

  async addIceCandidate() {}

  restartIce() {
    this.restarts += 1;
  }

  close() {
    this.connectionState = 'closed';
  }

  become(state) {
    this.connectionState = state;
    this.dispatchEvent(new Event('connectionstatechange'));
  }
}
