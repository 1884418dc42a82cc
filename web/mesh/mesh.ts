import { MillraceError, toError } from '../api/errors.js';
import { typedEventTarget } from '../api/events.js';
import type { Offer, SendOptions, Source, Transfer } from '../api/types.js';
import { orAborted } from '../base/deferred.js';
import { randomHex } from '../base/ids.js';
import { Turns } from '../base/turns.js';
import { loadMeshCore, type CoreMeshEvent, type CoreMessageId, type MeshNodeCore } from '../wasm/mesh.js';
import { isLeft } from '../signaling/envelope.js';
import { compress, decompress } from './compression.js';
import { Links } from './links.js';
import { resolveMeshOptions, type MeshSettings } from './options.js';
import { decodePayload, encodePayload } from './payload.js';
import { parseRoomText, toRoomText, type AgentName } from './room.js';
import type {
  Acknowledgement,
  BandwidthStats,
  Level,
  Mesh,
  MeshEvents,
  MeshLogEvent,
  MeshMessage,
  MeshOptions,
  MessageOptions,
  Payload,
  QualityMode,
  Topology,
} from '../api/mesh_types.js';

const VERSION = 1;
const LEVELS: readonly Level[] = ['low', 'normal', 'high', 'urgent'];
/** A second agent under one id is told within the time that a word takes through the room; nobody there: no longer than this, ms. */
const JOIN_MS = 1_000;
const AFTER_FIRST_WORD_MS = 250;
/** How often this agent's capacity is measured, ms. */
const CAPACITY_INTERVAL_MS = 10_000;
/** While the way to the room is broken, it is tried again at this interval, ms. */
const REOPEN_INTERVAL_MS = 3_000;

interface Pending {
  readonly id: string;
  readonly sequence: number;
  readonly sentAt: number;
  resolve(acknowledgement: Acknowledgement): void;
  reject(error: MillraceError): void;
}

/**
 * Joins the room of `options.signaling` and connects to whom the topology says.
 * Errors: rejects with 'invalid-argument' for options that mean nothing and for an id that another agent has, 'aborted',
 * 'internal'; the signalling is closed then. Afterwards the mesh ends by itself ('close') only where `signal` is aborted,
 * or another agent that was here before under this id comes back into reach.
 */
export async function createMesh(options: MeshOptions): Promise<Mesh> {
  let mesh: MeshImpl | undefined;
  try {
    const settings = resolveMeshOptions(options);
    const signal = settings.signal ?? new AbortController().signal;
    const core = await orAborted(loadMeshCore(), signal);
    const self = { id: settings.agentId, incarnation: randomHex(8), capacity: settings.capacity ?? 0 };
    mesh = new MeshImpl(new core.MeshNode(self, settings.core, performance.now()), self, settings);
    await orAborted(mesh.joined, signal);
    return mesh;
  } catch (caught) {
    const error = MillraceError.from(caught, 'internal');
    if (mesh) mesh.end(error);
    else options.signaling?.close?.();
    throw error;
  }
}

class MeshImpl extends typedEventTarget<MeshEvents>() implements Mesh {
  /** Rejects where another agent has the id. */
  readonly joined: Promise<void>;
  onmessage: Mesh['onmessage'] = null;
  onincoming: Mesh['onincoming'] = null;
  readonly #node: MeshNodeCore;
  readonly #self: AgentName;
  readonly #settings: MeshSettings;
  readonly #links: Links;
  readonly #agents = new Map<string, AgentName>();
  readonly #pending = new Map<string, Pending>();
  /** What is compressed comes after what was said before it, and before what is said after it; undefined: nothing is. */
  #sending: Promise<unknown> | undefined;
  #receiving: Promise<unknown> | undefined;
  #state: 'open' | 'closed' = 'open';
  #topology: Topology = 'full';
  readonly #turns = new Turns(() => this.#work());
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;
  #reopenTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #capacityTimer: ReturnType<typeof setInterval>;
  #measuredBytes = 0;
  #capacity = 0;
  #join!: { resolve(): void; reject(error: MillraceError): void };
  #joinTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #abort = (): void => this.end(new MillraceError('aborted'));

  constructor(node: MeshNodeCore, self: AgentName, settings: MeshSettings) {
    super();
    this.#node = node;
    this.#self = { id: self.id, incarnation: self.incarnation };
    this.#settings = settings;
    this.joined = new Promise((resolve, reject) => (this.#join = { resolve, reject }));
    this.joined.catch(() => {});
    this.#joinTimer = setTimeout(() => this.#join.resolve(), JOIN_MS);
    this.#links = new Links({
      self: this.#self,
      signaling: settings.signaling,
      secret: settings.secret,
      rtc: settings.rtc,
      worker: settings.worker,
      onup: (agent) => this.#linkChanged(agent, true),
      ondown: (agent) => this.#linkChanged(agent, false),
      onbatch: (agent, batch) => {
        if (this.#state === 'closed') return;
        this.#node.handleBatch(agent, batch, performance.now());
        this.#turn();
      },
      onbuffered: (agent, bytes) => {
        if (this.#state === 'closed') return;
        this.#node.setBuffered(agent, bytes);
        this.#turn();
      },
      onincoming: (agent, offer) => this.#offered(agent, offer),
    });
    this.#capacityTimer = setInterval(() => this.#measureCapacity(), CAPACITY_INTERVAL_MS);
    settings.signal?.addEventListener('abort', this.#abort);
    settings.signaling.onmessage = (raw: unknown) => this.#hear(raw);
    settings.signaling.onerror = () => this.#reopenSoon();
    this.#turn();
  }

  get agentId(): string {
    return this.#self.id;
  }

  get state(): 'open' | 'closed' {
    return this.#state;
  }

  get agents(): readonly string[] {
    return [...this.#agents.keys()];
  }

  get connected(): readonly string[] {
    return this.#links.up;
  }

  get topology(): Topology {
    return this.#topology;
  }

  get qualityMode(): QualityMode {
    return this.#state === 'closed' ? 'HIGH' : this.#node.mode();
  }

  get bandwidthStats(): BandwidthStats {
    if (this.#state === 'closed') throw new MillraceError('closed');
    return this.#node.stats();
  }

  async send(to: string, payload: Payload, options: MessageOptions = {}): Promise<Acknowledgement> {
    if (typeof to !== 'string' || to === '') throw new MillraceError('invalid-argument', 'an agent must be named');
    return this.#say(to, payload, options);
  }

  async broadcast(payload: Payload, options: MessageOptions = {}): Promise<Acknowledgement> {
    return this.#say('', payload, options);
  }

  flush(): void {
    if (this.#state === 'closed') return;
    this.#node.flush();
    this.#turn();
  }

  async sendFiles(to: string, source: Source | readonly Source[], options: SendOptions = {}): Promise<Transfer> {
    if (this.#state === 'closed') throw new MillraceError('closed');
    const name = this.#agents.get(to);
    if (!name) throw new MillraceError('invalid-argument', 'there is no such agent');
    const peer = await this.#links.peer(name);
    return peer.send(source, options);
  }

  async close(): Promise<void> {
    this.end(new MillraceError('closed'));
    await this.#links.close();
  }

  /** Ends the mesh from this side; what is pending fails with `error`. */
  end(error: MillraceError): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#node.leave();
    this.#sayRoom();
    this.#join.reject(error);
    clearTimeout(this.#joinTimer);
    clearTimeout(this.#timer);
    clearTimeout(this.#reopenTimer);
    clearInterval(this.#capacityTimer);
    const { signal, signaling } = this.#settings;
    signal?.removeEventListener('abort', this.#abort);
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
    this.#agents.clear();
    signaling.onmessage = null;
    signaling.onerror = null;
    // Sessions say goodbye through the room, too.
    void this.#links.close().finally(() => signaling.close?.());
    this.#node.delete();
    this.dispatchEvent(Object.assign(new Event('close'), { error }));
  }

  // Messages of this agent

  #say(to: string, payload: Payload, options: MessageOptions): Promise<Acknowledgement> {
    if (this.#state === 'closed') throw new MillraceError('closed');
    const { level = 'normal', unordered = false } = options;
    if (!LEVELS.includes(level)) throw new MillraceError('invalid-argument', `level: ${String(level)}`);
    const bytes = encodePayload(payload);
    const hand = (body: Uint8Array, compressed: boolean) => this.#handOver(to, body, { level, unordered, compressed });
    if (this.#node.mode() !== 'LOW' && !this.#sending) return hand(bytes, false);
    const packing = this.#node.mode() === 'LOW' ? compress(bytes) : undefined;
    const before = this.#sending ?? Promise.resolve();
    const handed = before.then(() => packing).then((packed) => ({ acknowledged: hand(packed ?? bytes, packed !== undefined) }));
    const sending = handed.then(
      () => {},
      () => {},
    );
    this.#sending = sending;
    void sending.then(() => {
      if (this.#sending === sending) this.#sending = undefined;
    });
    return handed.then(({ acknowledged }) => acknowledged);
  }

  #handOver(
    to: string,
    body: Uint8Array,
    how: { level: Level; unordered: boolean; compressed: boolean },
  ): Promise<Acknowledgement> {
    if (this.#state === 'closed') throw new MillraceError('closed');
    const sentAt = performance.now();
    const answer = this.#node.send(to, body, { ...how, timestamp: Date.now() }, sentAt);
    if ('code' in answer) throw toError(answer.code, answer.detail, 'internal');
    const key = keyOf(answer);
    const id = messageId(this.#self, answer);
    const { sequence } = answer;
    const acknowledged = new Promise<Acknowledgement>((resolve, reject) => {
      this.#pending.set(key, { id, sequence, sentAt, resolve, reject });
    });
    const bufferedAmount = to === '' ? this.#node.stats().maxBuffered : this.#node.buffered(to);
    this.#log({ event: 'message_sent', id, sequence, mode: this.#node.mode(), bufferedAmount });
    this.#turn();
    return acknowledged;
  }

  // Turns: what happened was handed over, now what the node wants is done.

  #turn(): void {
    if (this.#turns.run() && this.#state === 'open') this.#setTimer();
  }

  #work(): void {
    if (this.#state === 'closed') return;
    const now = performance.now();
    this.#node.advanceTime(now);
    // First, so that an answer goes out together with the acknowledgement of what it answers.
    while (this.#state === 'open') {
      const event = this.#node.pollEvent();
      if (!event) break;
      this.#handle(event);
    }
    if (this.#state !== 'open') return;
    for (let output = this.#node.pollOutput(now); output; output = this.#node.pollOutput(now)) {
      this.#links.send(output.to, output.batch);
    }
    this.#sayRoom();
  }

  #setTimer(): void {
    const now = performance.now();
    const at = this.#node.nextTimeout(now);
    // One that is early makes a turn that sets the next: cheaper than to set it again with each turn.
    if (this.#timer !== undefined && this.#timerAt <= at) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAt = at;
    if (at === Infinity) return;
    const fire = (): void => {
      this.#timer = undefined;
      this.#turn();
    };
    this.#timer = setTimeout(fire, Math.max(0, Math.ceil(at - now)));
  }

  #handle(event: CoreMeshEvent): void {
    const { agent, incarnation } = event;
    switch (event.type) {
      case 'joined':
        this.#agents.set(agent, { id: agent, incarnation });
        this.#log({ event: 'agent_joined', agent });
        this.dispatchEvent(Object.assign(new Event('joined'), { agent }));
        break;
      case 'left':
        this.#agents.delete(agent);
        this.#links.left(agent);
        this.#log({ event: 'agent_left', agent });
        this.dispatchEvent(Object.assign(new Event('left'), { agent }));
        break;
      case 'connect':
        this.#links.want({ id: agent, incarnation });
        break;
      case 'release':
        this.#links.release(agent);
        break;
      case 'message':
        this.#receive(event);
        break;
      case 'delivered': {
        const pending = this.#take(event.id);
        pending?.resolve({ id: pending.id, sequence: pending.sequence, milliseconds: performance.now() - pending.sentAt });
        break;
      }
      case 'failed':
        this.#take(event.id)?.reject(new MillraceError('connection-lost', `${event.id.destination} left before it had the message`));
        break;
      case 'quality': {
        const { oldMode, newMode, maxBuffered, avgBuffered, channelCount } = event;
        this.#log({ event: 'bandwidth_quality_changed', oldMode, newMode, maxBuffered, avgBuffered, channelCount });
        this.dispatchEvent(new Event('qualitychange'));
        break;
      }
      case 'topology':
        this.#topology = event.topology;
        this.#log({ event: 'topology_changed', topology: event.topology });
        break;
      case 'dropped':
        this.#log({ event: 'message_dropped', reason: event.reason, agent, count: event.count });
        break;
      case 'duplicate':
        this.end(new MillraceError('invalid-argument', `another agent has the id ${this.#self.id}`));
        break;
    }
  }

  #take(id: CoreMessageId): Pending | undefined {
    const key = keyOf(id);
    const pending = this.#pending.get(key);
    this.#pending.delete(key);
    return pending;
  }

  // Messages of others

  #receive(event: Extract<CoreMeshEvent, { type: 'message' }>): void {
    if (!event.compressed && !this.#receiving) {
      this.#deliver(event, event.payload);
      return;
    }
    // What is decompressed keeps its place.
    const unpacking = event.compressed ? decompress(event.payload) : Promise.resolve(event.payload);
    const receiving = Promise.all([unpacking, this.#receiving]).then(([payload]) => this.#deliver(event, payload));
    this.#receiving = receiving;
    void receiving.then(() => {
      if (this.#receiving === receiving) this.#receiving = undefined;
    });
  }

  #deliver(event: Extract<CoreMeshEvent, { type: 'message' }>, bytes: Uint8Array | undefined): void {
    if (this.#state === 'closed') return;
    const { agent: source, timestamp, id: place } = event;
    const payload = bytes && decodePayload(bytes);
    if (payload === undefined) {
      this.#log({ event: 'message_dropped', reason: 'payload', agent: source, count: 1 });
      return;
    }
    const id = messageId({ id: source, incarnation: event.incarnation }, place);
    const { level, sequence } = place;
    const message: MeshMessage = {
      id,
      timestamp,
      level,
      source,
      destination: place.broadcast ? null : this.#self.id,
      version: VERSION,
      sequence,
      payload,
    };
    this.#log({ event: 'message_received', id, sequence });
    this.dispatchEvent(Object.assign(new Event('message'), { message }));
    this.#call(() => this.onmessage?.(message));
  }

  #offered(agent: string, offer: Offer): void {
    if (this.#state === 'closed') return;
    this.dispatchEvent(Object.assign(new Event('incoming'), { offer, agent }));
    this.#call(() => this.onincoming?.(offer, agent));
  }

  /** What a listener throws is its own business. */
  #call(listener: () => void): void {
    try {
      listener();
    } catch (caught) {
      reportError(caught);
    }
  }

  #log(event: MeshLogEvent): void {
    this.#call(() => this.#settings.log?.(event));
  }

  // The room and the connections

  #hear(raw: unknown): void {
    if (this.#state === 'closed') return;
    const text = parseRoomText(raw);
    if (!text) {
      // The server's word that a socket closed.
      if (isLeft(raw)) this.#links.hearLeft(raw);
      return;
    }
    if (text.kind === 'pair') {
      const { from, to, body } = text;
      if (to.id !== this.#self.id || to.incarnation !== this.#self.incarnation) return;
      this.#links.hear(from, body, this.#agents.get(from.id)?.incarnation === from.incarnation);
      return;
    }
    if (this.#joinTimer !== undefined) {
      clearTimeout(this.#joinTimer);
      this.#joinTimer = undefined;
      setTimeout(() => this.#join.resolve(), AFTER_FIRST_WORD_MS);
    }
    this.#node.handleRoom(text.message, performance.now());
    this.#turn();
  }

  #sayRoom(): void {
    for (let message = this.#node.pollSay(); message; message = this.#node.pollSay()) {
      try {
        this.#settings.signaling.send(toRoomText({ kind: 'room', message }));
      } catch {
        // It is said again once the way to the room is back.
      }
    }
  }

  #reopenSoon(): void {
    if (this.#state === 'closed' || this.#reopenTimer !== undefined) return;
    this.#reopenTimer = setTimeout(() => {
      this.#reopenTimer = undefined;
      this.#settings.signaling.reopen?.();
      this.#node.rejoin();
      this.#turn();
    }, REOPEN_INTERVAL_MS);
  }

  #linkChanged(agent: string, up: boolean): void {
    if (this.#state === 'closed') return;
    if (up) this.#node.linkUp(agent, performance.now());
    else this.#node.linkDown(agent, performance.now());
    this.#log({ event: up ? 'agent_connected' : 'agent_disconnected', agent });
    this.#turn();
  }

  /** The best that its connections, or its messages, have been seen to carry. */
  #measureCapacity(): void {
    if (this.#settings.capacity !== undefined || this.#state === 'closed') return;
    const { batchBytes } = this.#node.stats();
    const ofMessages = ((batchBytes - this.#measuredBytes) * 1000) / CAPACITY_INTERVAL_MS;
    this.#measuredBytes = batchBytes;
    const rates = this.#links.peers().map((peer) => peer.stats().bottleneckRate);
    this.#capacity = Math.max(this.#capacity, ofMessages, ...rates);
    this.#node.setCapacity(Math.floor(this.#capacity));
    this.#turn();
  }
}

function keyOf({ destination, level, unordered, sequence }: CoreMessageId): string {
  return `${sequence} ${level} ${unordered} ${destination}`;
}

function messageId(source: AgentName, { destination, level, unordered, sequence }: CoreMessageId): string {
  return `${source.id}/${source.incarnation}/${destination === '' ? '*' : destination}/${level}${unordered ? '-unordered' : ''}/${sequence}`;
}
