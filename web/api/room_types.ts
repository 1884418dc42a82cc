import type { MillraceError } from './errors.js';
import type { TypedEventTarget } from './events.js';
import type { JsonValue, MessageData, PeerMessageOptions } from './message_types.js';
import type { ConnectOptions, Signaling } from './options.js';
import { abortSignal, flag, number, shape, text, type OptionsOf } from './shape.js';
import type { SendOptions } from './transfer_options.js';
import type { Offer, Peer, Receipt, Sources, Transfer } from './types.js';

/**
 * Where members of a room meet. An address (`wss://host/signal`, or relative in a page) means Millrace's own server. A signalling
 * has to reach one room, and all its members; the room takes it over. A function returns a new one each time that it is called:
 * it is called again if a signalling without `reopen` fails.
 */
export type Where = string | URL | Signaling | (() => Signaling);

const MOST_PEERS = 31;

/** The options of `joinRoom` that `connect` does not have. */
export const roomShapes = {
  /** The others see it as `Peer.name`. Default: empty. With `data` at most 1,024 bytes of JSON. */
  name: text(),
  /** The others see it as `Peer.data`. Default null. */
  data: shape<JsonValue>('JSON', () => true),
  /** Members besides this one, 1 to 31; 1 for a pair. Default 10. The smallest number among the members decides who finds a place. */
  maxPeers: number({ least: 1, most: MOST_PEERS, whole: true }),
  /** Leaves the room. */
  signal: abortSignal(),
};

/** The option of `createRoom` that `joinRoom` does not have. */
export const createShapes = {
  /** True: the room also has a short code to say aloud, see `Room.code`. `where` has to be the address of a Millrace server then. */
  code: flag(),
};

/** Options of `joinRoom`: how this side appears to the others, and the options of `connect` for the session with each of them. */
export interface RoomOptions extends Omit<ConnectOptions, 'signaling' | 'secret' | 'secretKind' | 'signal'>, OptionsOf<typeof roomShapes> {}

/** Options of `createRoom`. */
export interface CreateRoomOptions extends RoomOptions, OptionsOf<typeof createShapes> {}

/**
 * 'waiting': nobody else is there. 'connecting': somebody is, and no session works. 'connected': a session works.
 * 'offline': the signalling cannot be reached, and no session works. 'closed' is final.
 */
export type RoomState = 'waiting' | 'connecting' | 'connected' | 'offline' | 'closed';

/** The events of a `Room`. For each there is a property with `on` before its name. */
export interface RoomEvents {
  /** A member came, or came back. Its session works. */
  peer: Event & {
    /** As in `Room.peers`. */
    readonly peer: Peer;
  };
  /** A member left, or the session with it ended and could not be repaired. It may come back, as another `Peer` with the same id. */
  leave: Event & {
    /** Its state is 'closed'. */
    readonly peer: Peer;
  };
  /** A member offers files. Offers wait until the room has a listener for them. */
  offer: Event & {
    /** Waits for an answer. */
    readonly offer: Offer;
    /** Who offers. */
    readonly peer: Peer;
  };
  /** A message of a member. */
  message: MessageEvent<MessageData> & {
    /** Who sent it. */
    readonly peer: Peer;
  };
  /** `Room.state` changed. */
  statechange: Event;
  /** `Room.code` changed. */
  codechange: Event;
  /**
   * Something that the room cannot repair. The room goes on, unless its state is 'closed' now:
   * 'authentication-failed' (somebody came with another invite), 'connection-failed' (no path to somebody), 'rejected' (the room is
   * full), 'signaling-failed' (the signalling has no `reopen`).
   */
  error: Event & {
    /** What happened, and to whom. */
    readonly error: MillraceError;
  };
}

/** A place where members meet and stay. Each member has a session with each other one. */
export interface Room extends TypedEventTarget<RoomEvents> {
  /** Fires `statechange`. */
  readonly state: RoomState;
  /**
   * Lets others in: `joinRoom(where, invite)`. It is one word of `A-Z a-z 0-9 _ - .`, and belongs behind the `#` of an address,
   * which browsers do not send to servers. In a room that was joined by a code, the code itself until the first session works.
   */
  readonly invite: string;
  /**
   * The short code that leads here, such as `7-crossover-clockwork`; null if there is none now. A code lets one member in. After
   * that, and after a wrong guess, there is another code (`codechange`). Null while the room is full.
   */
  readonly code: string | null;
  /** The id of this member, as the others see it in `Peer.id`. Empty until it is known, which takes a moment. */
  readonly id: string;
  /** The other members whose sessions work or are being repaired, by `Peer.id`. */
  readonly peers: ReadonlyMap<string, Peer>;
  /** See the event `peer`. */
  onpeer: ((event: RoomEvents['peer']) => void) | null;
  /** See the event `leave`. */
  onleave: ((event: RoomEvents['leave']) => void) | null;
  /** See the event `offer`. */
  onoffer: ((event: RoomEvents['offer']) => void) | null;
  /** See the event `message`. */
  onmessage: ((event: RoomEvents['message']) => void) | null;
  /** See the event `statechange`. */
  onstatechange: ((event: RoomEvents['statechange']) => void) | null;
  /** See the event `codechange`. */
  oncodechange: ((event: RoomEvents['codechange']) => void) | null;
  /** See the event `error`. */
  onerror: ((event: RoomEvents['error']) => void) | null;
  /**
   * Offers files to the members that are here now, each over its own session. In an empty room it waits for the first one.
   * A folder is listed once, now.
   * Errors: throws as `Peer.send`, and 'invalid-argument' for an id in `to` that is not in `peers`, and for a stream that several
   * members would have to read.
   */
  send(source: Sources, options?: GroupSendOptions): GroupTransfer;
  /**
   * Sends a message to all members, or to those of `to`. Resolves when each of them has it.
   * Errors: rejects, after all have settled, as the first `Peer.message` that failed, and with 'invalid-argument' as `send`.
   */
  message(data: MessageData, options?: RoomMessageOptions): Promise<void>;
  /**
   * Offers of all members for `for await`, also of those that come later; as `Peer.offers`. `Offer.peer` is who offers. The loop ends when
   * the room is left.
   */
  offers(): AsyncIterableIterator<Offer>;
  /** Messages of all members for `for await`, those of each member in order; as `offers` and `Peer.messages`. */
  messages(): AsyncIterableIterator<RoomMessage>;
  /** Leaves the room: ends all sessions and the signalling. Resolves when everything is released. */
  leave(): Promise<void>;
}

/** A message of a member. */
export interface RoomMessage {
  /** What it sent. */
  readonly data: MessageData;
  /** Who sent it. */
  readonly peer: Peer;
}

/** The options of `Room.message` that `Peer.message` does not have. */
export const roomMessageShapes = {
  /** The id of one member, or of several. Default: all that are here. */
  to: shape<string | readonly string[]>('an id, or an array of ids', isIds),
};

/** Options of `Room.message`. */
export interface RoomMessageOptions extends PeerMessageOptions, OptionsOf<typeof roomMessageShapes> {}

/** The options of `Room.send` that `Peer.send` does not have. */
export const groupSendShapes = {
  /** The id of one member, or of several. Default: all that are here. */
  to: roomMessageShapes.to,
  /**
   * True: also to those who come later, and again to those who come back before they have everything. The transfer then ends with `cancel` or
   * with the room. Default false.
   */
  newcomers: flag(),
};

/** Options of `Room.send`. */
export interface GroupSendOptions extends SendOptions, OptionsOf<typeof groupSendShapes> {}

function isIds(value: unknown): boolean {
  return typeof value === 'string' || (Array.isArray(value) && value.every((each) => typeof each === 'string'));
}

/** The events of a `GroupTransfer`. */
export interface GroupTransferEvents {
  /** `bytes` or `totalBytes` changed. */
  progress: Event & {
    /** As `GroupTransfer.bytes`. */
    readonly bytes: number;
    /** As `GroupTransfer.totalBytes`. */
    readonly totalBytes: number;
  };
  /** The files are offered to one more member. */
  transfer: Event & {
    /** The member's id. */
    readonly id: string;
    /** As in `GroupTransfer.transfers`. */
    readonly transfer: Transfer;
  };
}

/** The transfers of the same files to several members. They do not wait for each other. */
export interface GroupTransfer extends TypedEventTarget<GroupTransferEvents> {
  /** By `Peer.id`. A transfer that failed stays here, until its member comes back and is offered the files again. */
  readonly transfers: ReadonlyMap<string, Transfer>;
  /** The sum over all transfers. */
  readonly bytes: number;
  /** The sum over all transfers, without those whose size is unknown. */
  readonly totalBytes: number;
  /**
   * Bytes that were read from the files. Members at about the same place share what is read; a member that is more than 32 MiB
   * behind the others has its part read again. 0 where each transfer reads by itself: to one member, and up to 4 MiB in all.
   */
  readonly bytesRead: number;
  /**
   * Resolves when all transfers have ended, with the receipt of each member that has the files. The errors of the others are in
   * `transfers`.
   * Errors: rejects if no member has them: with the error of the first transfer that failed, or with 'cancelled', 'aborted' or
   * 'closed' (the room was left) if there was none.
   */
  readonly done: Promise<Map<string, Receipt>>;
  /** Pauses all transfers, and those that begin later. */
  pause(): void;
  /** Ends `pause`. */
  resume(): void;
  /** Cancels all transfers that have not ended; no other one begins. */
  cancel(reason?: unknown): void;
}
