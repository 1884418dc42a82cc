// Loaded before an example for Node.js, which names no servers: its connections use none, instead of the public ones.
import wrtc from '@roamhq/wrtc';

wrtc.RTCPeerConnection = class extends wrtc.RTCPeerConnection {
  constructor(configuration) {
    super({ ...configuration, iceServers: [] });
  }
};
