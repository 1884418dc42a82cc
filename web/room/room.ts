import { MillraceError } from '../api/errors.js';
import { typedEventTarget, type ListenerArguments } from '../api/events.js';
import { messageShapes, type MessageData } from '../api/message_types.js';
import {
  roomMessageShapes,
  type GroupSendOptions,
  type GroupTransfer,
  type Room,
  type RoomEvents,
  type RoomMessage,
  type RoomMessageOptions,
  type RoomState,
} from '../api/room_types.js';
import { checkOptions } from '../api/shape.js';
import type { Offer, Peer, PeerEvents, Sources } from '../api/types.js';
import { deferred } from '../base/deferred.js';
import { callListener } from '../base/report_exception.js';
import type { AppSession } from '../session/app_channel.js';
import { runCodeDesk, takeInvite } from './code_desk.js';
import { Groups } from './groups.js';
import { formatInvite, type CodeInvite, type Invite } from './invite.js';
import { Members } from './members.js';
import type { RoomSettings } from './options.js';
import { RoomLoops } from './room_loops.js';
import type { Ways } from './where.js';

/** A room as the page sees it. It owns the signalling, the sessions and the code, and ends them together. */
export class RoomImpl extends typedEventTarget<RoomEvents>() implements Room {
  onpeer: Room['onpeer'] = null;
  onleave: Room['onleave'] = null;
  onstatechange: Room['onstatechange'] = null;
  oncodechange: Room['oncodechange'] = null;
  onerror: Room['onerror'] = null;
  readonly #ways: Ways;
  readonly #settings: RoomSettings;
  #invite: Invite | CodeInvite;
  #code: string | null = null;
  #state: RoomState = 'waiting';
  readonly #members: Members;
  readonly #groups: Groups;
  readonly #loops = new RoomLoops();
  #onoffer: Room['onoffer'] = null;
  #onmessage: Room['onmessage'] = null;
  /** Events of the peers that somebody listens to here. Until then, offers and messages wait in the sessions. */
  readonly #heard = new Set<'incoming' | 'message'>();
  /** Errors that were reported since the last member came. */
  readonly #reported = new Set<string>();
  readonly #ending = new AbortController();
  #left: Promise<void> | undefined;
  readonly #abort = (): void => void this.#leave(new MillraceError('aborted'));

  constructor(ways: Ways, invite: Invite | CodeInvite, settings: RoomSettings) {
    super();
    this.#ways = ways;
    this.#invite = invite;
    this.#settings = settings;
    this.#members = new Members({
      settings,
      onpeer: (session) => this.#welcome(session),
      onleave: (session) => this.#fire('leave', Object.assign(new Event('leave'), { peer: session })),
      onchange: () => this.#setState(this.#members.state ?? this.#state),
      onerror: (error) => this.#report(error),
    });
    this.#groups = new Groups(this.#members.peers);
    settings.signal?.addEventListener('abort', this.#abort);
    globalThis.addEventListener?.('pagehide', this.#onpagehide);
  }

  get state(): RoomState {
    return this.#state;
  }

  get invite(): string {
    return 'code' in this.#invite ? this.#invite.code : formatInvite(this.#invite);
  }

  get code(): string | null {
    return this.#code;
  }

  get id(): string {
    return this.#members.id;
  }

  get peers(): ReadonlyMap<string, Peer> {
    return this.#members.peers;
  }

  get onoffer(): Room['onoffer'] {
    return this.#onoffer;
  }

  set onoffer(listener: Room['onoffer']) {
    this.#onoffer = listener;
    if (listener) this.#listen('incoming');
  }

  get onmessage(): Room['onmessage'] {
    return this.#onmessage;
  }

  set onmessage(listener: Room['onmessage']) {
    this.#onmessage = listener;
    if (listener) this.#listen('message');
  }

  override addEventListener(...args: ListenerArguments<RoomEvents>): void {
    super.addEventListener(...args);
    if (args[0] === 'offer') this.#listen('incoming');
    if (args[0] === 'message') this.#listen('message');
  }

  send(source: Sources, options: GroupSendOptions = {}): GroupTransfer {
    if (this.#state === 'closed') throw new MillraceError('closed');
    return this.#groups.send(source, options);
  }

  offers(): AsyncIterableIterator<Offer> {
    return this.#loops.open(this.#members.peers.values(), (peer) => peer.offers(), (offer) => offer);
  }

  messages(): AsyncIterableIterator<RoomMessage> {
    return this.#loops.open(this.#members.peers.values(), (peer) => peer.messages(), (data, peer) => ({ data, peer }));
  }

  async message(data: MessageData, given: RoomMessageOptions = {}): Promise<void> {
    const { to } = checkOptions(given, roomMessageShapes);
    const options = checkOptions(given, messageShapes);
    if (this.#state === 'closed') throw new MillraceError('closed');
    const peers = this.#groups.chosen(to);
    const outcomes = await Promise.allSettled(peers.map((peer) => peer.message(data, options)));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed) throw MillraceError.from(failed.reason, 'internal');
  }

  leave(): Promise<void> {
    return this.#leave(new MillraceError('closed'));
  }

  /** Enters the room. Resolves when the room is on its way, and with a code when that is known. Errors: rejects as `createRoom`. */
  async enter(): Promise<void> {
    try {
      await this.#enter();
    } catch (caught) {
      const error = MillraceError.from(caught, 'internal');
      void this.#leave(error);
      throw error;
    }
  }

  /** As `enter`; a failure ends the room with an event. */
  enterSoon(): void {
    this.#enter().catch((caught: unknown) => {
      if (this.#left) return;
      const error = MillraceError.from(caught, 'internal');
      void this.#leave(error);
      this.#fire('error', Object.assign(new Event('error'), { error }));
    });
  }

  async #enter(): Promise<void> {
    const { signal } = this.#ending;
    const invite = 'code' in this.#invite ? await this.#takeInvite(this.#invite) : this.#invite;
    this.#invite = invite;
    await this.#members.enter(invite, () => this.#ways.open(invite.room, this.#settings.maxPeers + 1), signal);
    if (this.#settings.withCode) await this.#waitWithCodes(invite);
  }

  #takeInvite(code: CodeInvite): Promise<Invite> {
    const { openByCode } = this.#ways;
    if (!openByCode) throw new MillraceError('invalid-argument', 'a code needs the address of a Millrace server');
    const { connect } = this.#settings;
    const onattempt = (isUnderWay: boolean): void => this.#setState(isUnderWay ? 'connecting' : 'offline');
    return takeInvite({ openByCode, code, connect, onattempt, signal: this.#ending.signal });
  }

  /** Resolves when there is a first code. */
  #waitWithCodes(invite: Invite): Promise<void> {
    const { openByCode } = this.#ways;
    if (!openByCode) throw new MillraceError('invalid-argument', 'a code needs the address of a Millrace server');
    const first = deferred<void>();
    const desk = runCodeDesk({
      openByCode,
      connect: this.#settings.connect,
      invite,
      place: () => this.#members.untilPlace(),
      oncode: (code) => {
        this.#setCode(code);
        first.resolve();
      },
      onwrong: (error) => this.#report(error),
      signal: this.#ending.signal,
    });
    desk.catch(first.reject);
    return first.promise;
  }

  // Members

  #welcome(session: AppSession): void {
    this.#reported.clear();
    this.#fire('peer', Object.assign(new Event('peer'), { peer: session }));
    for (const name of this.#heard) this.#listenTo(session, name);
    this.#loops.join(session);
    this.#groups.join(session);
  }

  #listen(name: 'incoming' | 'message'): void {
    if (this.#heard.has(name)) return;
    this.#heard.add(name);
    for (const session of this.#members.peers.values()) this.#listenTo(session, name);
  }

  #listenTo(peer: AppSession, name: 'incoming' | 'message'): void {
    const target: EventTarget = peer;
    target.addEventListener(name, (event) => {
      if (name === 'incoming') {
        const { offer } = event as PeerEvents['incoming'];
        this.#fire('offer', Object.assign(new Event('offer'), { offer, peer }));
      } else {
        const { data } = event as MessageEvent<MessageData>;
        this.#fire('message', Object.assign(new MessageEvent('message', { data }), { peer }));
      }
    });
  }

  // State

  #setState(state: RoomState): void {
    if (this.#state === state || this.#state === 'closed') return;
    this.#state = state;
    this.#fire('statechange', new Event('statechange'));
  }

  #setCode(code: string | null): void {
    if (this.#code === code || this.#state === 'closed') return;
    this.#code = code;
    this.#fire('codechange', new Event('codechange'));
  }

  #report(error: MillraceError): void {
    if (this.#state === 'closed') return;
    // A room that stays full is reported once.
    if (error.code === 'rejected') {
      if (this.#reported.has(error.message)) return;
      this.#reported.add(error.message);
    }
    this.#fire('error', Object.assign(new Event('error'), { error }));
  }

  #leave(error: MillraceError): Promise<void> {
    this.#left ??= this.#end(error);
    return this.#left;
  }

  async #end(error: MillraceError): Promise<void> {
    this.#settings.signal?.removeEventListener('abort', this.#abort);
    globalThis.removeEventListener?.('pagehide', this.#onpagehide);
    this.#setState('closed');
    this.#ending.abort(error);
    this.#code = null;
    this.#groups.stop(error);
    this.#loops.end();
    await this.#members.close(error);
    // No effect on a signalling that the members took.
    this.#ways.discard();
  }

  /** The others learn at once that this page goes, and transfers can be resumed. */
  readonly #onpagehide = (event: PageTransitionEvent): void => {
    if (!event.persisted) void this.leave();
  };

  /** Fires an event, and calls the handler of its name. */
  #fire<Name extends keyof RoomEvents>(name: Name, event: RoomEvents[Name]): void {
    this.dispatchEvent(event);
    callListener(() => (this[`on${name}`] as ((event: RoomEvents[Name]) => void) | null)?.(event));
  }
}
