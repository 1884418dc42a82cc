// WebRTC for tests in Node.js: libwebrtc, which contacts no server of somebody else.
import wrtc from '@roamhq/wrtc';
import { withLocalServers } from '../../../e2e/support/local_servers.mjs';

export const RTCPeerConnection = withLocalServers(wrtc.RTCPeerConnection);
