import { connect, createCode, normalizeCode, type Peer, type PeerConnectionClass } from '../index.js';
import { webSocketSignaling, type WebSocketSignaling } from '../signaling.js';
import type { Meeting } from './usage.js';

/**
 * Connects to the other side. Where a code has to be made, `oncode` is called with it.
 * Errors: as `connect`, and 'signaling-failed' where the server gives no nameplate.
 */
export async function meet(
  meeting: Meeting,
  Connection: PeerConnectionClass,
  oncode: (code: string) => void,
  signal: AbortSignal,
): Promise<Peer> {
  const { server, room, key, code } = meeting;
  let signaling: WebSocketSignaling;
  let secret: string;
  if (room !== undefined && key !== undefined) {
    signaling = signalAt(server, 'room', room);
    secret = key;
  } else if (code !== undefined) {
    secret = normalizeCode(code);
    signaling = signalAt(server, 'nameplate', secret.slice(0, secret.indexOf('-')));
  } else {
    signaling = signalAt(server, 'nameplate', 'new');
    const { nameplate } = await signaling.place;
    secret = await createCode(nameplate);
    oncode(secret);
  }
  const secretKind = key === undefined ? 'code' : 'key';
  return connect({ signaling, secret, secretKind, rtc: () => signaling.iceServers(), RTCPeerConnection: Connection, signal });
}

function signalAt(server: URL, name: string, value: string): WebSocketSignaling {
  const url = new URL('signal', server);
  url.searchParams.set(name, value);
  return webSocketSignaling(url);
}
