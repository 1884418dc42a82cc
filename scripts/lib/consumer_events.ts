// Events and loops as a user of the package writes them, compiled against the declarations in dist/. A misspelt name, a field that
// an event does not have, and an option that does not exist have to be errors of the compiler.
import type { GroupTransfer, Offer, OfferState, Peer, Room, RoomMessage, Transfer } from '../../dist/index.js';
import type { Mesh } from '../../dist/mesh.js';
import type { Backpressure, LaneSet } from '../../dist/parts.js';
import { manualSignaling, webSocketSignaling } from '../../dist/signaling.js';

export function listen(room: Room, peer: Peer, transfer: Transfer, group: GroupTransfer, offer: Offer, giveUp: AbortSignal): void {
  room.addEventListener('peer', ({ peer }) => void [peer.name, peer.id]);
  room.addEventListener('offer', ({ offer, peer }) => void offer.accept({ sink: 'memory', signal: giveUp }).done.then(() => peer.id));
  room.addEventListener('error', ({ error }) => void [error.code, error.byPeer]);
  peer.addEventListener('path', ({ path }) => void path.kind, { once: true, signal: giveUp });
  peer.addEventListener('statechange', { handleEvent: (event) => void event.type });
  const onprogress = ({ bytes, totalBytes }: { bytes: number; totalBytes: number | null }): void => void (bytes / (totalBytes ?? 1));
  transfer.addEventListener('progress', onprogress);
  transfer.removeEventListener('progress', onprogress);
  group.addEventListener('transfer', ({ id, transfer }) => void [id, transfer.state]);
  offer.addEventListener('statechange', () => void (offer.state satisfies OfferState));
  // Each is an EventTarget as well.
  const targets: EventTarget[] = [room, peer, transfer, group, offer];
  void targets;
}

export function misspell(room: Room, peer: Peer, transfer: Transfer, group: GroupTransfer, offer: Offer): void {
  // @ts-expect-error
  room.addEventListener('offers', () => {});
  // @ts-expect-error
  room.removeEventListener('statechanged', () => {});
  // @ts-expect-error
  peer.addEventListener('stateChange', () => {});
  // @ts-expect-error
  transfer.addEventListener('done', () => {});
  // @ts-expect-error
  group.addEventListener('end', () => {});
  // @ts-expect-error
  offer.addEventListener('withdrawn', () => {});
  // @ts-expect-error The event has no such field.
  peer.addEventListener('path', ({ route }) => void route);
  // @ts-expect-error A progress event has no statistics.
  transfer.addEventListener('progress', ({ stats }) => void stats);
  // @ts-expect-error
  offer.accept({ sinks: 'memory' });
}

export function misspellElsewhere(mesh: Mesh, lanes: LaneSet, gate: Backpressure): void {
  mesh.addEventListener('joined', ({ agent }) => void agent);
  lanes.addEventListener('drain', () => {});
  gate.addEventListener('pause', () => {});
  // @ts-expect-error
  mesh.addEventListener('join', () => {});
  // @ts-expect-error
  lanes.addEventListener('chunks', () => {});
  // @ts-expect-error
  gate.addEventListener('paused', () => {});
}

export async function loop(room: Room, peer: Peer, giveUp: AbortSignal): Promise<string> {
  for await (const offer of room.offers()) if (offer.peer.name === 'somebody') offer.accept({ signal: giveUp });
  for await (const { data, peer } of room.messages()) if (typeof data === 'string') return `${peer.name}: ${data}`;
  for await (const offer of peer.offers()) offer.reject();
  // @ts-expect-error It is a message, not its event.
  for await (const message of room.messages()) void message.type;
  await room.message({ to: 'all' }, { to: ['a', 'b'], signal: giveUp });
  const message: RoomMessage | undefined = (await room.messages().next()).value;
  return String(message?.data);
}

export async function find(giveUp: AbortSignal): Promise<string> {
  const { nameplate } = await webSocketSignaling('wss://example.org/signal?nameplate=new', { signal: giveUp }).place;
  return `${nameplate} ${await manualSignaling(undefined, { signal: giveUp }).text}`;
}
