// Connects to the other side of an invite link of the minimal page: http://localhost:8080/minimal/?room=ROOM#KEY
import wrtc from '@roamhq/wrtc';
import WebSocket from 'ws';
import { connect } from 'millrace';
import { webSocketSignaling } from 'millrace/signaling';

// Node.js has no WebSocket before version 22, and no WebRTC.
globalThis.WebSocket ??= WebSocket;

export function meet(link) {
  const { searchParams, hash } = new URL(link);
  const signaling = webSocketSignaling(new URL(`/signal?room=${searchParams.get('room')}`, link));
  return connect({ signaling, secret: hash.slice(1), RTCPeerConnection: wrtc.RTCPeerConnection });
}
