// What data channels bring, whoever made them: libraries that give out whole files tell nothing of the way there.
import { Arrivals } from '../pages/arrivals.js';

export const arrivals = new Arrivals();

const Native = globalThis.RTCPeerConnection;

function watch(channel) {
  channel.addEventListener('message', ({ data }) => arrivals.add(data.byteLength ?? data.length));
}

globalThis.RTCPeerConnection = class extends Native {
  constructor(...args) {
    super(...args);
    this.addEventListener('datachannel', ({ channel }) => watch(channel));
  }

  createDataChannel(...args) {
    const channel = super.createDataChannel(...args);
    watch(channel);
    return channel;
  }
};
