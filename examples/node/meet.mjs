// Meets the other side of a link of the minimal page: http://localhost:8080/minimal/?room=ROOM#KEY
import wrtc from '@roamhq/wrtc';
import WebSocket from 'ws';
import { connect } from 'millrace';
import { webSocketSignaling } from 'millrace/signaling';

// Node.js 20 has no WebSocket of its own, and no Node.js has WebRTC.
globalThis.WebSocket ??= WebSocket;

export function meet(link) {
  const { searchParams, hash } = new URL(link);
  const signaling = webSocketSignaling(new URL(`/signal?room=${searchParams.get('room')}`, link));
  return connect({ signaling, secret: hash.slice(1), RTCPeerConnection: wrtc.RTCPeerConnection });
}
