import { MillraceError } from '../api/errors.js';
import { typedEventTarget } from '../api/events.js';
import { connectShapes, type PeerConnectionClass } from '../api/options.js';
import { callback, checkOptions, flag, number, shape, type OptionsOf } from '../api/shape.js';
import { isRecord } from '../base/is_record.js';
import { TokenBucket } from '../base/token_bucket.js';
import { checkConfiguration, completeConfiguration } from '../rtc/configuration.js';
import { newConnection } from '../rtc/new_connection.js';
import type { WaterMarks } from '../wasm/parts.js';
import { channelShapes, createDataChannel, type DataChannelOptions } from './data_channel.js';
import { PeerChannel, type ChannelData } from './peer_channel.js';
import { resolveWaterMarks, waterMarkShapes, type WaterMarkOptions } from './water_marks.js';

const DEFAULT_MOST_PEERS = 10;
const MAX_ID_LENGTH = 256;
/** Candidates that may wait for the other side's description. */
const MAX_EARLY_CANDIDATES = 256;
/** With a limit, so many seconds' worth may leave at once. */
const BURST_SECONDS = 0.05;

/** The options of `ConnectionManager`, besides those for water marks. */
export const connectionManagerShapes = {
  /** Most peers at once; default 10. */
  maxPeers: number({ least: 1, most: 256, whole: true }),
  /** True: connections use the TURN servers of `rtc` only, so that the peers do not learn this side's address. Default false. */
  privacy: flag(),
  /** Limit of what all peers together are sent, at least 16,384 bytes/s; 0: no limit. Default 0. */
  bandwidthLimit: connectShapes.bandwidthLimit,
  /** Configuration of the connections. Without `iceServers`, public STUN servers (`defaultIceServers`). */
  rtc: shape<RTCConfiguration>('an RTCConfiguration', isRecord),
  /** The class of all connections if not the browser's. */
  RTCPeerConnection: callback<PeerConnectionClass>('a class'),
};

/** Options of a `ConnectionManager`. The water marks are those of each peer's channel. */
export interface ConnectionManagerOptions extends WaterMarkOptions, OptionsOf<typeof connectionManagerShapes> {}

/** What a `ConnectionManager` fires. */
export interface ConnectionManagerEvents {
  /** The other side needs this candidate; null is the last one. */
  candidate: Event & {
    /** The peer's id. */
    readonly peerId: string;
    /** As the browser gave it. */
    readonly candidate: RTCIceCandidate | null;
  };
  /** The peer's channel is open. */
  open: Event & {
    /** The peer's id. */
    readonly peerId: string;
  };
  /** The peer sent this. */
  data: Event & {
    /** The peer's id. */
    readonly peerId: string;
    /** Text, or bytes. */
    readonly data: string | ArrayBuffer;
  };
  /** What waits for the peer was at the high mark, and has fallen to the low one. */
  drain: Event & {
    /** The peer's id. */
    readonly peerId: string;
  };
  /** The peer's connection ended without `closeConnection`. */
  close: Event & {
    /** The peer's id. */
    readonly peerId: string;
  };
}

/** A peer's connection, for its statistics or a `LaneSet`, and this side's end of its channel. */
export interface ManagedConnection {
  /** `closeConnection` ends it. */
  readonly connection: RTCPeerConnection;
  /** Send with `sendData`. */
  readonly dataChannel: RTCDataChannel;
}

/** What `createConnection` gives. */
export interface OfferedConnection extends ManagedConnection {
  /** For the peer's `acceptOffer`. */
  readonly offer: RTCSessionDescriptionInit;
}

/** What `acceptOffer` gives. */
export interface AnsweredConnection extends ManagedConnection {
  /** For the peer's `acceptAnswer`. */
  readonly answer: RTCSessionDescriptionInit;
}

interface ManagedPeer extends ManagedConnection {
  readonly channel: PeerChannel;
  readonly candidates: RTCIceCandidateInit[];
}

/**
 * Connections to several peers, one data channel each, for applications with their own signalling. What each call returns, and what the
 * event 'candidate' tells, is for the application to carry to the peer. Nothing is encrypted beyond DTLS: `connect` does more.
 */
export class ConnectionManager extends typedEventTarget<ConnectionManagerEvents>() {
  readonly #options: ConnectionManagerOptions;
  readonly #rtc: RTCConfiguration;
  readonly #marks: WaterMarks;
  /** In the order of their turns. */
  readonly #peers = new Map<string, ManagedPeer>();
  readonly #bucket: TokenBucket | undefined;
  /** Runs while the limit allows nothing. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  /** Errors: throws 'invalid-argument', also where `privacy` finds no TURN server. */
  constructor(given: ConnectionManagerOptions = {}) {
    super();
    this.#options = { ...checkOptions(given, connectionManagerShapes), ...checkOptions(given, waterMarkShapes) };
    const { rtc = {}, privacy = false, bandwidthLimit = 0 } = this.#options;
    this.#marks = resolveWaterMarks(this.#options);
    checkConfiguration(rtc);
    this.#rtc = completeConfiguration(rtc, privacy);
    const burst = Math.max(1, bandwidthLimit * BURST_SECONDS);
    this.#bucket = bandwidthLimit > 0 ? new TokenBucket(burst, bandwidthLimit, performance.now()) : undefined;
  }

  /** The ids of the peers that are connected or connecting. */
  get peerIds(): readonly string[] {
    return [...this.#peers.keys()].sort();
  }

  /**
   * Begins a connection to a peer, whose `acceptOffer` takes the offer.
   * Errors: rejects with 'invalid-argument' for a peer that is there already, 'too-large' beyond `maxPeers`, 'not-supported' without WebRTC,
   * 'connection-failed' where the browser makes no connection, 'closed'. No connection is left then.
   */
  async createConnection(peerId: string, options: DataChannelOptions = {}): Promise<OfferedConnection> {
    const peer = this.#add(peerId, options);
    const offer = await this.#describe(peerId, peer, async () => peer.connection.setLocalDescription(await peer.connection.createOffer()));
    return { offer, connection: peer.connection, dataChannel: peer.dataChannel };
  }

  /**
   * Takes an offer, for a new peer or for an ICE restart of one that is there. The peer's `acceptAnswer` takes the answer.
   * Errors: as `createConnection`; 'signaling-failed' where the browser refuses the offer.
   */
  async acceptOffer(
    peerId: string,
    offer: RTCSessionDescriptionInit,
    options: DataChannelOptions = {},
  ): Promise<AnsweredConnection> {
    const known = this.#peers.get(checkId(peerId));
    if (known && known.connection.signalingState !== 'stable') throw new MillraceError('invalid-argument', `there is an offer to ${peerId} already`);
    const peer = known ?? this.#add(peerId, options);
    const answer = await this.#describe(peerId, peer, async () => {
      await this.#takeDescription(peer, offer, 'offer');
      await peer.connection.setLocalDescription(await peer.connection.createAnswer());
    });
    return { answer, connection: peer.connection, dataChannel: peer.dataChannel };
  }

  /**
   * Takes the answer to `createConnection`. Errors: rejects with 'invalid-argument' for an unknown peer, 'signaling-failed' where the browser
   * refuses the answer; the connection stays.
   */
  async acceptAnswer(peerId: string, answer: RTCSessionDescriptionInit): Promise<void> {
    await this.#takeDescription(this.#find(peerId), answer, 'answer');
  }

  /**
   * Takes a candidate of the peer, which may come before its description. One that this browser cannot use costs one path.
   * Errors: rejects with 'invalid-argument'.
   */
  async addCandidate(peerId: string, candidate: RTCIceCandidateInit | null): Promise<void> {
    const peer = this.#find(peerId);
    if (candidate === null) return;
    if (!isRecord(candidate)) throw new MillraceError('invalid-argument', 'candidate must be an RTCIceCandidate, or null');
    if (peer.connection.remoteDescription) await addCandidate(peer.connection, candidate);
    else if (peer.candidates.length < MAX_EARLY_CANDIDATES) peer.candidates.push(candidate);
  }

  /**
   * Sends at once, or as soon as the channel is open, has room, and the limit allows it. Answers whether more may follow; after false, wait
   * for 'drain'. The data is copied. Errors: throws 'invalid-argument', and 'too-large' for a message that the connection does not
   * carry and beyond 16 MiB that wait for the peer. Nothing is sent then.
   */
  sendData(peerId: string, data: ChannelData): boolean {
    this.#find(peerId).channel.add(data);
    this.#pump();
    return this.#peers.has(peerId) && !this.hasBackpressure(peerId);
  }

  /** Whether a send now would pass the high mark. Errors: throws 'invalid-argument' for an unknown peer. */
  hasBackpressure(peerId: string): boolean {
    return this.#find(peerId).channel.bufferedBytes >= this.#marks.high;
  }

  /** What waits for the peer as a share of the high mark, 0 to 1. Errors: throws 'invalid-argument' for an unknown peer. */
  bufferLevel(peerId: string): number {
    return Math.min(1, this.#find(peerId).channel.bufferedBytes / this.#marks.high);
  }

  /** Ends a peer's connection; what still waits for it is dropped. No effect for an unknown peer. */
  closeConnection(peerId: string): void {
    this.#peers.get(peerId)?.channel.close();
    this.#peers.delete(peerId);
  }

  /** Ends all connections. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const peerId of this.peerIds) this.closeConnection(peerId);
  }

  #find(peerId: string): ManagedPeer {
    const peer = this.#peers.get(checkId(peerId));
    if (!peer) throw new MillraceError('invalid-argument', `there is no connection to ${peerId}`);
    return peer;
  }

  #add(peerId: string, given: DataChannelOptions): ManagedPeer {
    const options = checkOptions(given, channelShapes);
    if (this.#isClosed) throw new MillraceError('closed');
    if (this.#peers.has(checkId(peerId))) throw new MillraceError('invalid-argument', `there is a connection to ${peerId} already`);
    const { maxPeers = DEFAULT_MOST_PEERS, RTCPeerConnection: Connection } = this.#options;
    if (this.#peers.size >= maxPeers) throw new MillraceError('too-large', `there are ${maxPeers} peers already, as many as maxPeers allows`);
    const connection = newConnection({ rtc: this.#rtc, Connection });
    try {
      const dataChannel = createDataChannel(connection, { id: 0, ...options });
      const channel = this.#makeChannel(peerId, connection, dataChannel);
      const peer = { connection, dataChannel, channel, candidates: [] };
      this.#peers.set(peerId, peer);
      connection.addEventListener('icecandidate', ({ candidate }) => {
        if (this.#peers.get(peerId) === peer) this.#tell('candidate', { peerId, candidate });
      });
      return peer;
    } catch (caught) {
      connection.close();
      throw caught;
    }
  }

  #makeChannel(peerId: string, connection: RTCPeerConnection, dataChannel: RTCDataChannel): PeerChannel {
    return new PeerChannel({
      connection,
      channel: dataChannel,
      marks: this.#marks,
      onopen: () => this.#tell('open', { peerId }),
      ondata: (data) => this.#tell('data', { peerId, data }),
      ondrain: () => this.#tell('drain', { peerId }),
      onroom: () => this.#pump(),
      onclose: () => {
        this.#peers.delete(peerId);
        this.#tell('close', { peerId });
      },
    });
  }

  /** Sets descriptions, and gives this side's. A new peer whose first one fails is removed. */
  async #describe(peerId: string, peer: ManagedPeer, set: () => Promise<void>): Promise<RTCSessionDescriptionInit> {
    const isNew = peer.connection.localDescription === null;
    try {
      await set();
      if (this.#peers.get(peerId) !== peer) throw new MillraceError('closed', `the connection to ${peerId} ended`);
      const { type, sdp } = peer.connection.localDescription!;
      return { type, sdp };
    } catch (caught) {
      if (isNew && this.#peers.get(peerId) === peer) this.closeConnection(peerId);
      throw MillraceError.from(caught, 'connection-failed');
    }
  }

  async #takeDescription({ connection, candidates }: ManagedPeer, description: RTCSessionDescriptionInit, type: 'offer' | 'answer'): Promise<void> {
    if (!isRecord(description) || description.type !== type || typeof description.sdp !== 'string') {
      throw new MillraceError('invalid-argument', `${type} must be a description of the type '${type}'`);
    }
    try {
      await connection.setRemoteDescription({ type, sdp: description.sdp });
    } catch (caught) {
      throw MillraceError.from(caught, 'signaling-failed');
    }
    for (const candidate of candidates.splice(0)) await addCandidate(connection, candidate);
  }

  /** Sends what may go, one message of each peer in turn. */
  #pump(): void {
    if (this.#timer !== undefined) return;
    for (let next = this.#nextTurn(); next; next = this.#nextTurn()) {
      const [peerId, peer, bytes] = next;
      // Its turn comes again after those of the others.
      this.#peers.delete(peerId);
      this.#peers.set(peerId, peer);
      peer.channel.sendNext();
      const wait = this.#bucket?.overdraw(performance.now(), bytes) ?? 0;
      if (wait === 0) continue;
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#pump();
      }, wait);
      return;
    }
  }

  #nextTurn(): [string, ManagedPeer, number] | undefined {
    for (const [peerId, peer] of this.#peers) {
      const bytes = peer.channel.nextBytes;
      if (bytes !== undefined) return [peerId, peer, bytes];
    }
    return undefined;
  }

  #tell<Name extends keyof ConnectionManagerEvents>(name: Name, fields: Omit<ConnectionManagerEvents[Name], keyof Event>): void {
    this.dispatchEvent(Object.assign(new Event(name), fields));
  }
}

function checkId(peerId: unknown): string {
  if (typeof peerId !== 'string' || peerId === '' || peerId.length > MAX_ID_LENGTH) {
    throw new MillraceError('invalid-argument', `peerId must be a text of 1 to ${MAX_ID_LENGTH} characters`);
  }
  return peerId;
}

async function addCandidate(connection: RTCPeerConnection, candidate: RTCIceCandidateInit): Promise<void> {
  try {
    await connection.addIceCandidate(candidate);
  } catch {
    // The other paths remain.
  }
}
