import type { Fingerprints } from '../rtc/fingerprint.js';
import type { LaneStats } from '../api/types.js';
import { CONTROL_LANE, HandshakeType, PULSE_LANE, type CoreLaneStats, type CoreOptions, type CoreSession, type CoreStats } from '../wasm/session.js';
import type { EngineContext, OpenCore } from './context.js';
import { EarlyMessages, handshakeTypeOf } from './early_messages.js';
import { Lane, type LaneEvents } from './lane.js';
import type { SessionStats } from './messages.js';

/** Once its buffer has drained to this, the control channel reports it, bytes. */
const CONTROL_LOW_WATER = 32 * 1024;
/** The same for the pulse channel: the core sends nothing more there until its buffer has drained to this. */
const PULSE_LOW_WATER = 512;
/** A record is never longer (PROTOCOL.md). */
const MAX_MESSAGE_BYTES = 256 * 1024;
/**
 * Bound of the messages that arrived before the core could take them. On a reliable lane none may be lost, so they are kept in
 * order until the core takes them. A peer's credit keeps this near zero; a peer beyond the bound ignores its credit.
 */
const MAX_HELD_BYTES = 4 * 1024 * 1024;

/** Of a lane that the core does not know yet. */
const NOTHING_COUNTED = {
  bytesSent: 0,
  bytesReceived: 0,
  recordsSent: 0,
  recordsReceived: 0,
  recordsLost: 0,
  paused: false,
  rtt: undefined,
};

/** A channel that has not closed within this time counts as closed: the end of a connection may fire no event, ms. */
const CLOSING_TIMEOUT_MS = 2_000;

/** A lane that the table has let go of, until its channel has closed. */
interface ClosingLane {
  readonly lane: Lane;
  readonly since: number;
}

/** The engine as its lanes see it. */
export interface LaneHost extends EngineContext {
  /** The other side broke the protocol: the session has to end. */
  onviolation(detail: string): void;
  /** The control or the pulse channel closed before the core knew of it. */
  oncontrolclosed(): void;
}

/** The lanes of the current connection, by number: their channels, and the messages that the core cannot take yet. */
export class LaneTable implements LaneEvents {
  readonly #host: LaneHost;
  readonly #lanes = new Map<number, Lane>();
  /** Of the current connection. */
  #fingerprints: Fingerprints | undefined;
  /** Of lanes for bulk, bytes. */
  #lowWater = 0;
  #heldBytes = 0;
  readonly #early = new EarlyMessages();
  /** The secret is a code: nothing is told early that shows whether a guess is right. */
  #hasCode = false;
  readonly #closing = new Set<ClosingLane>();
  /** As reported last, for lanes that the core does not know any more. */
  readonly #counts = new Map<number, CoreLaneStats>();

  constructor(host: LaneHost) {
    this.#host = host;
  }

  /** Bytes in the control channel's buffer. */
  get controlBuffered(): number {
    return this.#lanes.get(CONTROL_LANE)?.bufferedAmount ?? 0;
  }

  /** Both channels of the control connection can be used, and the core does not know them yet: a handshake begins. */
  get handshakeBegins(): boolean {
    const control = this.#lanes.get(CONTROL_LANE);
    const pulse = this.#lanes.get(PULSE_LANE);
    return control !== undefined && pulse !== undefined && isUsable(control) && isUsable(pulse) && !control.known;
  }

  /** Both channels of the control connection are open. */
  get controlReady(): boolean {
    return [CONTROL_LANE, PULSE_LANE].every((number) => this.#lanes.get(number)?.ready);
  }

  /**
   * Adds states to the core's statistics, and the lanes that the core does not know: those that are connecting or closing. The
   * pulse lane counts as a part of the control lane.
   */
  describe(stats: CoreStats): SessionStats {
    for (const counts of stats.lanes) this.#counts.set(counts.lane, counts);
    const lanes = [...this.#lanes.values()].filter(({ number }) => number !== PULSE_LANE);
    const described = lanes.map((lane) => this.#describe(lane, lane.state));
    const now = performance.now();
    for (const closing of this.#closing) {
      const { lane, since } = closing;
      const state = lane.state === 'closed' || now - since > CLOSING_TIMEOUT_MS ? 'closed' : 'closing';
      described.push(this.#describe(lane, state));
      if (state === 'closing') continue;
      this.#closing.delete(closing);
      if (!this.#lanes.has(lane.number)) this.#counts.delete(lane.number);
    }
    return { ...stats, lanes: described.sort((a, b) => a.lane - b.lane) };
  }

  // Messages of the window

  /** `lowWater`: bytes in a bulk lane's buffer at which the core may send more. Called before the first lane is added. */
  start(lowWater: number, secretKind: CoreOptions['secretKind']): void {
    this.#lowWater = lowWater;
    this.#hasCode = secretKind === 'code';
  }

  add(number: number, channel: RTCDataChannel, reliable: boolean): void {
    if (this.#lanes.has(number)) return;
    const marks = new Map([[CONTROL_LANE, CONTROL_LOW_WATER], [PULSE_LANE, PULSE_LOW_WATER]]);
    this.#lanes.set(number, new Lane(number, channel, reliable, marks.get(number) ?? this.#lowWater, this));
  }

  setLimit(number: number, maxMessageSize: number, fingerprints: Fingerprints): void {
    if (number === CONTROL_LANE) {
      this.#fingerprints = fingerprints;
      this.#lanes.get(PULSE_LANE)?.setLimit(maxMessageSize);
    }
    this.#lanes.get(number)?.setLimit(maxMessageSize);
  }

  /** The handshake may begin before the channels of the control connection are open. */
  begin(maxMessageSize: number, fingerprints: Fingerprints): void {
    this.#fingerprints = fingerprints;
    for (const lane of [this.#lanes.get(CONTROL_LANE), this.#lanes.get(PULSE_LANE)]) {
      if (lane && !lane.ready) lane.earlyLimit = maxMessageSize;
    }
  }

  /** Takes a message of the control lane that came through the signalling, which is not trusted. */
  takeEarly(index: number, message: Uint8Array): void {
    // From then on, the channel carries everything, and the signalling has no influence.
    if (!this.#lanes.get(CONTROL_LANE)?.announced) this.#early.add(index, message);
  }

  /** Removes a lane, and closes it in the core. No effect on one that is not in the table. */
  drop(number: number): void {
    const lane = this.#lanes.get(number);
    if (lane) this.#drop(lane);
  }

  // Events of the channels

  onready(_lane: Lane): void {
    this.#host.run();
  }

  ondrained(_lane: Lane): void {
    this.#host.run();
  }

  onclosed(lane: Lane): void {
    this.#host.run(() => this.#drop(lane));
  }

  onwaiting(lane: Lane, message: Uint8Array, index: number): void {
    const type = lane.number === CONTROL_LANE ? handshakeTypeOf(message) : undefined;
    if (type === undefined) return;
    lane.hasLastWords = type === HandshakeType.failure;
    this.#host.post({ type: 'handshake', index, message });
  }

  onmessage(lane: Lane, message: ArrayBuffer): void {
    this.#host.run(() => {
      if (lane.held.length > 0 || !this.#deliver(lane, message)) this.#hold(lane, message);
    });
  }

  // Steps of a turn

  /** Tells the core of lanes that are ready, and how much the channels hold. */
  update(session: CoreSession, now: number): void {
    this.#openReady(session);
    for (const lane of this.#lanes.values()) {
      if (lane.known) session.setBuffered(lane.number, lane.bufferedAmount, now);
    }
  }

  /** Gives the core messages that it could not take before. */
  deliverHeld(): void {
    this.#deliverEarly();
    if (this.#heldBytes === 0) return;
    for (const lane of this.#lanes.values()) {
      while (lane.held.length > 0 && this.#deliver(lane, lane.held[0]!)) {
        this.#heldBytes -= lane.held.shift()!.byteLength;
      }
    }
  }

  /** Sends the record that the mailbox holds. */
  send({ mailbox }: OpenCore): void {
    this.#lanes.get(mailbox.get(0))?.send(mailbox.view(mailbox.get(1), mailbox.get(2)));
  }

  // Ends

  /** The connection is lost. Lanes that the core does not know belong to the next connection already. */
  disconnected(): void {
    for (const lane of [...this.#lanes.values()]) if (lane.known) this.#forget(lane);
  }

  /** The window makes a new connection: the old one is of no use, whatever state it is in. */
  renew(): void {
    for (const lane of [...this.#lanes.values()]) this.#forget(lane);
    this.#fingerprints = undefined;
    this.#early.clear();
  }

  /** Closes all channels, and resolves when everything sent has arrived; the caller bounds the time. */
  async finish(): Promise<void> {
    // Control first: the other side should hear why before it sees lanes close.
    const control = this.#lanes.get(CONTROL_LANE);
    this.#lanes.delete(CONTROL_LANE);
    await control?.finish();
    await Promise.all([...this.#lanes.values()].map((lane) => lane.finish()));
  }

  /** Removes all listeners. */
  dispose(): void {
    for (const lane of this.#lanes.values()) lane.dispose();
    this.#lanes.clear();
  }

  #drop(lane: Lane): void {
    if (this.#lanes.get(lane.number) !== lane) return;
    this.#giveLastWords(lane);
    this.#forget(lane);
    if (lane.known) {
      // The core decides what follows: it may have ended already, for a reason that was not polled yet.
      this.#host.core()?.session.closeLane(lane.number, performance.now());
    } else if (isOfControlConnection(lane)) {
      this.#host.oncontrolclosed();
    }
    this.#host.post({ type: 'laneClosed', lane: lane.number });
  }

  /** A channel may close before the core could take what came over it: why the other side left must not be lost with it. */
  #giveLastWords(lane: Lane): void {
    if (lane.number !== CONTROL_LANE) return;
    const failure = lane.held.find((message) => handshakeTypeOf(message) === HandshakeType.failure);
    if (failure) this.#give(lane, failure);
  }

  #forget(lane: Lane): void {
    this.#lanes.delete(lane.number);
    lane.dispose();
    if (lane.number !== PULSE_LANE) this.#closing.add({ lane, since: performance.now() });
    for (const message of lane.held.splice(0)) this.#heldBytes -= message.byteLength;
  }

  #describe({ number, reliable, bufferedAmount }: Lane, state: LaneStats['state']): LaneStats {
    const counts = this.#counts.get(number) ?? { ...NOTHING_COUNTED, lane: number, reliable };
    return { ...counts, bufferedAmount, state };
  }

  #openReady(session: CoreSession): void {
    const ofControl = [CONTROL_LANE, PULSE_LANE].map((number) => this.#lanes.get(number));
    const controlUsable = ofControl.every((lane) => lane && isUsable(lane));
    const { controlReady } = this;
    for (const lane of this.#lanes.values()) {
      // The core takes lanes for bulk only while it is connected; early ones wait.
      const inTurn = isOfControlConnection(lane) ? controlUsable : session.connected();
      if (!lane.known && isUsable(lane) && inTurn) this.#open(session, lane);
      if (!lane.known || lane.announced || !lane.ready || (isOfControlConnection(lane) && !controlReady)) continue;
      lane.announced = true;
      if (lane.number !== PULSE_LANE) this.#host.post({ type: 'laneOpened', lane: lane.number });
    }
  }

  #open(session: CoreSession, lane: Lane): void {
    lane.known = true;
    if (lane.number === CONTROL_LANE) this.#bindConnection(session);
    session.openLane(lane.number, lane.ready ? lane.maxMessageSize : lane.earlyLimit, lane.reliable, performance.now());
  }

  /**
   * Gives the core the messages of the handshake that came early. ANSWER waits until the other side's certificate is known, and CONFIRM
   * until the channel is open.
   */
  #deliverEarly(): void {
    const lane = this.#lanes.get(CONTROL_LANE);
    if (this.#early.isEmpty || !lane?.known) return;
    for (let message; (message = this.#early.get(lane.taken)) !== undefined && this.#mayTake(lane, message); ) {
      this.#early.delete(lane.taken);
      lane.taken += 1;
      if (lane.held.length > 0 || !this.#give(lane, message)) this.#hold(lane, message);
    }
    if (lane.announced) this.#early.clear();
  }

  #mayTake(lane: Lane, message: ArrayBuffer): boolean {
    if (lane.announced || lane.number !== CONTROL_LANE) return true;
    const type = handshakeTypeOf(message);
    if (type === HandshakeType.hello || type === HandshakeType.failure) return true;
    // The window has to know that a code is being guessed before the guess is answered.
    return !this.#hasCode && (lane.ready || type === HandshakeType.reveal || (type === HandshakeType.answer && lane.maxMessageSize > 0));
  }

  #bindConnection(session: CoreSession): void {
    const { local = '', remote = '' } = this.#fingerprints ?? {};
    const encoder = new TextEncoder();
    session.setFingerprints(encoder.encode(local), encoder.encode(remote));
  }

  /** Returns false where the core cannot take the message now, or must not yet. */
  #deliver(lane: Lane, message: ArrayBuffer): boolean {
    return lane.ready && this.#mayTake(lane, message) && this.#give(lane, message);
  }

  /** Returns false where the core cannot take the message now. */
  #give(lane: Lane, message: ArrayBuffer): boolean {
    const core = this.#host.core();
    if (!core || !lane.known) return false;
    const { session, mailbox } = core;
    const address = session.inputBuffer(lane.number, message.byteLength);
    if (address === 0) return false;
    mailbox.copyIn(address, new Uint8Array(message));
    session.handleInput(lane.number, performance.now());
    return true;
  }

  #hold(lane: Lane, message: ArrayBuffer): void {
    // The next record of the pulse lane takes its place.
    if (lane.number === PULSE_LANE) return;
    const size = message.byteLength;
    if (size === 0 || size > MAX_MESSAGE_BYTES) {
      this.#host.onviolation(`a message of ${size} bytes`);
    } else if (this.#heldBytes + size > MAX_HELD_BYTES) {
      this.#host.onviolation('the other side sent more than its credit');
    } else {
      lane.held.push(message);
      this.#heldBytes += size;
    }
  }
}

/** The core can use the lane, perhaps before its channel is open. */
function isUsable({ ready, earlyLimit }: Lane): boolean {
  return ready || earlyLimit > 0;
}

function isOfControlConnection({ number }: Lane): boolean {
  return number === CONTROL_LANE || number === PULSE_LANE;
}
