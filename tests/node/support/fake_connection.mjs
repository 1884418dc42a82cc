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
  /** Every configuration, in the order of setting. */
  configurations;

  constructor(configuration) {
    super();
    this.configurations = [configuration];
    connections.push(this);
  }

  getConfiguration() {
    return this.configurations.at(-1);
  }

  setConfiguration(configuration) {
    this.configurations.push(configuration);
  }

  createDataChannel(label, init) {
    return { label, ...init };
  }

  async setLocalDescription() {
    const type = this.signalingState === 'have-remote-offer' ? 'answer' : 'offer';
    this.signalingState = type === 'offer' ? 'have-local-offer' : 'stable';
    // Like that of a browser, it differs from the one before an ICE restart on either side.
    this.localDescription = { type, sdp: describe(`${connections.indexOf(this)} ${this.restarts} ${this.described.length}`) };
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
    this.signalingState = 'closed';
    this.connectionState = 'closed';
  }

  become(state) {
    this.connectionState = state;
    this.dispatchEvent(new Event('connectionstatechange'));
  }
}
