// WebRTC for tests in Node.js: `werift`, which contacts no server of somebody else. It is JavaScript, so that no thread of a native stack
// can crash a test. The tests of the terminal use libwebrtc, as its users do.
import { RTCPeerConnection as Native } from 'werift';
import { withLocalServers } from '../../../e2e/support/local_servers.mjs';

export const RTCPeerConnection = withLocalServers(Native);
