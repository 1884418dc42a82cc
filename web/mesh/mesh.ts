import { MillraceError } from '../api/errors.js';
import { typedEventTarget, type ListenerArguments } from '../api/events.js';
import { meshMessageShapes } from '../api/mesh_options.js';
import type {
  Acknowledgement,
  BandwidthStats,
  Mesh,
  MeshEvents,
  MeshLogEvent,
  MeshMessage,
  MessageOptions,
  Payload,
  QualityMode,
  Topology,
} from '../api/mesh_types.js';
import type { Offer, SendOptions, Sources, Transfer } from '../api/types.js';
import { checkOptions } from '../api/shape.js';
import { Driver } from '../base/driver.js';
import { callListener } from '../base/report_exception.js';
import { nextTask } from '../base/tasks.js';
import type { MemberName } from '../room/member_name.js';
import { MemberSessions } from '../room/member_sessions.js';
import type { CoreMeshEvent, MeshNodeCore } from '../wasm/mesh.js';
import { CapacityMeter } from './capacity_meter.js';
import { Inbox } from './inbox.js';
import { MeetingRoom } from './meeting_room.js';
import type { MeshSettings } from './options.js';
import { Outbox } from './outbox.js';

/** Wires the core's node to the room, to the sessions with other agents, and to the page. */
export class MeshImpl extends typedEventTarget<MeshEvents>() implements Mesh {
  /** Rejects where another agent has the id. */
  readonly joined: Promise<void>;
  readonly agentId: string;
  onmessage: Mesh['onmessage'] = null;
  readonly #node: MeshNodeCore;
  readonly #settings: MeshSettings;
  readonly #room: MeetingRoom;
  readonly #sessions: MemberSessions;
  readonly #outbox: Outbox;
  readonly #inbox: Inbox;
  readonly #capacity: CapacityMeter | undefined;
  readonly #agents = new Map<string, MemberName>();
  #state: 'open' | 'closed' = 'open';
  #topology: Topology = 'full';
  #onincoming: Mesh['onincoming'] = null;
  /** The page listens to 'incoming'. */
  #hearsIncoming = false;
  readonly #driver = new Driver({
    work: () => this.#work(),
    nextTimeout: (now) => this.#node.nextTimeout(now),
    onfatal: (caught) => this.#finish(MillraceError.from(caught, 'internal')),
  });
  readonly #abort = (): void => this.end(new MillraceError('aborted'));

  constructor(node: MeshNodeCore, { id, incarnation }: MemberName, settings: MeshSettings) {
    super();
    const self = { id, incarnation };
    this.agentId = id;
    this.#node = node;
    this.#settings = settings;
    this.#room = this.#enterRoom(self);
    this.joined = this.#room.joined;
    this.#sessions = this.#makeSessions(settings);
    this.#outbox = new Outbox({ node, self, log: (event) => this.#log(event), ontaken: () => this.#driver.run() });
    this.#inbox = new Inbox({
      agentId: id,
      onmessage: (message) => this.#deliver(message),
      oninvalid: (agent) => this.#log({ event: 'message_dropped', reason: 'payload', agent, count: 1 }),
    });
    if (settings.capacity === undefined) this.#capacity = this.#measureCapacity();
    settings.signal?.addEventListener('abort', this.#abort);
    this.#driver.run();
  }

  get state(): 'open' | 'closed' {
    return this.#state;
  }

  get agents(): readonly string[] {
    return [...this.#agents.keys()];
  }

  get connected(): readonly string[] {
    return this.#sessions.up;
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

  get onincoming(): Mesh['onincoming'] {
    return this.#onincoming;
  }

  set onincoming(listener: Mesh['onincoming']) {
    this.#onincoming = listener;
    this.#listenForOffers();
  }

  override addEventListener(...args: ListenerArguments<MeshEvents>): void {
    super.addEventListener(...args);
    if (args[0] !== 'incoming') return;
    this.#hearsIncoming = true;
    this.#listenForOffers();
  }

  async send(to: string, payload: Payload, options: MessageOptions = {}): Promise<Acknowledgement> {
    if (typeof to !== 'string' || to === '') throw new MillraceError('invalid-argument', 'an agent must be named');
    return this.#outbox.send(to, payload, checkOptions(options, meshMessageShapes));
  }

  async broadcast(payload: Payload, options: MessageOptions = {}): Promise<Acknowledgement> {
    return this.#outbox.send('', payload, checkOptions(options, meshMessageShapes));
  }

  flush(): void {
    this.#driver.run(() => this.#node.flush());
  }

  async sendFiles(to: string, source: Sources, options: SendOptions = {}): Promise<Transfer> {
    if (this.#state === 'closed') throw new MillraceError('closed');
    const name = this.#agents.get(to);
    if (!name) throw new MillraceError('invalid-argument', 'there is no such agent');
    const session = await this.#sessions.get(name);
    return session.send(source, options);
  }

  async close(): Promise<void> {
    this.end(new MillraceError('closed'));
    await this.#sessions.close(new MillraceError('closed'));
  }

  /** Ends the mesh from this side in good order; everything pending fails with `error`. */
  end(error: MillraceError): void {
    if (this.#state === 'closed') return;
    this.#node.leave();
    this.#sayInRoom();
    this.#finish(error);
    this.#node.delete();
  }

  /** Lets go of everything but the node, which may have failed. */
  #finish(error: MillraceError): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#driver.stop();
    this.#room.stop(error);
    this.#capacity?.stop();
    this.#settings.signal?.removeEventListener('abort', this.#abort);
    this.#outbox.end(error);
    this.#inbox.close();
    this.#agents.clear();
    // Sessions say goodbye through the room, too.
    void this.#sessions.close(error).finally(() => this.#room.close());
    this.dispatchEvent(Object.assign(new Event('close'), { error }));
  }

  // What the mesh is made of

  #enterRoom(self: MemberName): MeetingRoom {
    return new MeetingRoom(self, this.#settings.signaling, {
      onroom: (message) => this.#driver.run(() => this.#node.handleRoom(message, performance.now())),
      onpair: (from, body) => this.#sessions.hear(from, body, this.#agents.get(from.id)?.incarnation === from.incarnation),
      onleft: (message) => this.#sessions.hearLeft(message),
      onreopened: () => this.#driver.run(() => this.#node.rejoin()),
    });
  }

  #makeSessions({ secret, rtc, Connection, worker, privacy, bandwidthLimit }: MeshSettings): MemberSessions {
    return new MemberSessions({
      room: this.#room,
      connect: {
        worker,
        privacy,
        bandwidthLimit,
        ...(secret === undefined ? {} : { secret, secretKind: 'key' }),
        ...(rtc === undefined ? {} : { rtc }),
        ...(Connection === undefined ? {} : { RTCPeerConnection: Connection }),
      },
      onup: (agent, up) => this.#sessionChanged(agent, up),
      onsession: (agent, session) => {
        session.onappmessage = (batch) => this.#driver.run(() => this.#node.handleBatch(agent, batch, performance.now()));
        session.onbuffered = (bytes) => this.#driver.run(() => this.#node.setBuffered(agent, bytes));
      },
      onfailed: (agent, error, final) => this.#sessionFailed(agent, error, final),
    });
  }

  #measureCapacity(): CapacityMeter {
    const sample = () => ({ batchBytes: this.#node.stats().batchBytes, rates: this.#sessions.rates() });
    return new CapacityMeter(sample, (capacity) => this.#driver.run(() => this.#node.setCapacity(capacity)));
  }

  // Turns: what happened was handed over, now what the node wants is done.

  /** Never leaves work for another turn: what the node holds is bounded. */
  #work(): boolean {
    const now = performance.now();
    this.#node.advanceTime(now);
    // Events first, so that an answer goes out together with the acknowledgement of what it answers.
    for (let event = this.#node.pollEvent(); event; event = this.#node.pollEvent()) {
      this.#handle(event);
      if (this.#state === 'closed') return true;
    }
    for (let output = this.#node.pollOutput(now); output; output = this.#node.pollOutput(now)) {
      this.#sessions.working(output.to)?.sendMessage(output.batch);
    }
    this.#sayInRoom();
    return true;
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
        this.#sessions.left(agent);
        this.#log({ event: 'agent_left', agent });
        this.dispatchEvent(Object.assign(new Event('left'), { agent }));
        break;
      case 'connect':
        this.#sessions.want({ id: agent, incarnation });
        break;
      case 'release':
        this.#sessions.release(agent);
        break;
      case 'message':
        this.#inbox.take(event);
        break;
      case 'delivered':
        this.#outbox.delivered(event.id);
        break;
      case 'failed':
        this.#outbox.failed(event.id);
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
        this.end(new MillraceError('invalid-argument', `another agent has the id ${this.agentId}`));
        break;
    }
  }

  #sayInRoom(): void {
    for (let message = this.#node.pollSay(); message; message = this.#node.pollSay()) this.#room.say(message);
  }

  #sessionChanged(agent: string, up: boolean): void {
    if (this.#state === 'closed') return;
    this.#log({ event: up ? 'agent_connected' : 'agent_disconnected', agent });
    this.#driver.run(() => {
      if (up) this.#node.linkUp(agent, performance.now());
      else this.#node.linkDown(agent, performance.now());
    });
  }

  #sessionFailed(agent: string, error: MillraceError, final: boolean): void {
    if (this.#state === 'closed') return;
    const { code, explanation: detail } = error;
    this.#log({ event: 'connection_failed', agent, code, detail, final });
    // The page may still be waiting for `createMesh`: it can listen from the next task on.
    const tell = (): boolean => this.dispatchEvent(Object.assign(new Event('refused'), { agent, error }));
    if (final) void this.joined.then(nextTask).then(tell, () => {});
  }

  // The page

  #deliver(message: MeshMessage): void {
    this.#log({ event: 'message_received', id: message.id, sequence: message.sequence });
    this.dispatchEvent(Object.assign(new Event('message'), { message }));
    callListener(() => this.onmessage?.(message));
  }

  /** Offers wait in their sessions while nobody listens. */
  #listenForOffers(): void {
    const listens = this.#onincoming !== null || this.#hearsIncoming;
    this.#sessions.onincoming = listens ? (agent, offer) => this.#offered(agent, offer) : null;
  }

  #offered(agent: string, offer: Offer): void {
    if (this.#state === 'closed') return;
    this.dispatchEvent(Object.assign(new Event('incoming'), { offer, agent }));
    callListener(() => this.#onincoming?.(offer, agent));
  }

  #log(event: MeshLogEvent): void {
    callListener(() => this.#settings.log?.(event));
  }
}
