// Rooms in Node.js: the package as it is built, over real WebRTC, in a signalling in memory that can break.
import { RTCPeerConnection, until } from './agents.mjs';
import { Room as Signalling } from './room.mjs';

globalThis.navigator ??= {};
export const { connect, createRoom, joinRoom, createLinkKey, MillraceError } = await import(new URL('../../../dist/millrace.js', import.meta.url).href);

export { until };

/** Meets its members in memory. Each member gets a signalling of its own, which `stop` breaks until `start`. */
export class MeetingPlace extends Signalling {
  isUp = true;
  #rooms = [];

  /** `t`: the rooms are left when this test ends. */
  constructor(t) {
    super();
    t.after(() => Promise.all(this.#rooms.map((room) => room.leave())));
  }

  /** What a room takes as its signalling. */
  signaling() {
    const member = this.join();
    const { send } = member;
    let onerror = null;
    // A failure is kept for a listener that comes later.
    Object.defineProperty(member, 'onerror', {
      get: () => onerror,
      set: (listener) => {
        onerror = listener;
        if (member.failure) listener?.(member.failure);
      },
    });
    member.send = (message) => {
      if (this.isUp) send(message);
    };
    member.onopen = null;
    member.reopen = () => {
      member.failure = undefined;
      if (this.isUp) setImmediate(() => member.onopen?.());
      else this.#break(member);
    };
    if (this.isUp) setImmediate(() => member.onopen?.());
    else this.#break(member);
    return member;
  }

  /** The server is gone: nothing arrives, and every attempt fails. */
  stop() {
    this.isUp = false;
    for (const member of this.members) this.#break(member);
  }

  start() {
    this.isUp = true;
  }

  async create(options = {}) {
    return this.watch(await createRoom(this.signaling(), { RTCPeerConnection, rtc: { iceServers: [] }, ...options }));
  }

  enter(invite, options = {}) {
    return this.watch(joinRoom(this.signaling(), invite, { RTCPeerConnection, rtc: { iceServers: [] }, ...options }));
  }

  /** Notes what happens in a room: `log` has one text for each event. */
  watch(room) {
    this.#rooms.push(room);
    const log = [];
    room.addEventListener('statechange', () => log.push(room.state));
    room.addEventListener('peer', ({ peer }) => log.push(`+${peer.name || peer.id}`));
    room.addEventListener('leave', ({ peer }) => log.push(`-${peer.name || peer.id}`));
    room.addEventListener('error', ({ error }) => log.push(`error ${error.code}`));
    return Object.assign(room, { log });
  }

  #break(member) {
    setImmediate(() => {
      member.failure = new MillraceError('signaling-failed', 'the server is away');
      member.onerror?.(member.failure);
    });
  }
}

/** Resolves when the room has these members, by their names. */
export function untilNames(room, ...names) {
  const present = () => [...room.peers.values()].map(({ name }) => name).sort();
  return until(() => String(present()) === String([...names].sort()), () => `${room.state}: [${present()}] instead of [${names}]; ${room.log.join(', ')}`);
}
