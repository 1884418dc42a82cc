/**
 * Keeps a reference to every peer connection and channel that the page makes, so that a test can close the real objects.
 * Import before the package does anything.
 */
export const connections = [];
/** `{ connection, channel }`; a channel that went to a worker is out of the page's reach. */
export const channels = [];

const Native = globalThis.RTCPeerConnection;

globalThis.RTCPeerConnection = class extends Native {
  constructor(...args) {
    super(...args);
    connections.push(this);
  }

  createDataChannel(...args) {
    const channel = super.createDataChannel(...args);
    channels.push({ connection: this, channel });
    return channel;
  }
};
