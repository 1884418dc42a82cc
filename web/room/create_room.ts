import { MillraceError } from '../api/errors.js';
import type { RtcOption } from '../api/options.js';
import type { CreateRoomOptions, Room, RoomOptions, Where } from '../api/room_types.js';
import { drawInvite, parseInvite, type CodeInvite, type Invite } from './invite.js';
import { resolveRoomOptions, type RoomSettings } from './options.js';
import { RoomImpl } from './room.js';
import { resolveWhere } from './where.js';

/**
 * Opens a new room, which nobody guesses. `Room.invite` lets others in: `joinRoom(where, invite)`.
 * The room stays until `leave`: it waits without a limit, and connects again after a broken connection, a server that was away, or
 * a member whose page was loaded again. This page comes back into the room with `joinRoom` and the same invite.
 * Errors: rejects with 'invalid-argument', 'aborted', 'not-supported' (no WebRTC, or no secure page), 'internal', and with
 * `code: true` with 'signaling-failed' if the server gives no code. Later errors are events of the room.
 */
export async function createRoom(where: Where, options: CreateRoomOptions = {}): Promise<Room> {
  const room = open(where, drawInvite, (serverRtc) => resolveRoomOptions(options, true, serverRtc));
  await room.enter();
  return room;
}

/**
 * Enters the room of an invite: what `Room.invite` gave, a link that carries it, or a short code. The room stays until `leave`, as
 * that of `createRoom`.
 * Errors: throws 'invalid-argument', 'aborted', 'not-supported'. Later errors are events of the room. A wrong code ends the room:
 * its state is 'closed' then.
 */
export function joinRoom(where: Where, invite: string, options: RoomOptions = {}): Room {
  const room = open(where, () => parseInvite(invite), (serverRtc) => resolveRoomOptions(options, false, serverRtc));
  room.enterSoon();
  return room;
}

/** A signalling that was passed is closed if anything is refused: a socket that nobody listens to would keep its place. */
function open(where: Where, invite: () => Invite | CodeInvite, settings: (serverRtc: RtcOption | undefined) => RoomSettings): RoomImpl {
  const ways = resolveWhere(where);
  try {
    return new RoomImpl(ways, invite(), settings(ways.rtc));
  } catch (caught) {
    ways.discard();
    throw MillraceError.from(caught, 'invalid-argument');
  }
}
