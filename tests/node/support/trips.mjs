// A network where time is the number of trips one way: whatever is sent during a trip arrives with the next one. Signalling, and
// connections with the messages of ICE, DTLS and SCTP as browsers exchange them.
import { describe as describeWith } from './fake_connection.mjs';

/** Nothing was sent for this time, ms: the sides wait for the next trip. */
const QUIET_MS = 60;

export class TripNetwork {
  trips = 0;
  /** What was sent, by trip. */
  log = [];
  #sent = [];
  #sentAt = 0;

  /** `what`: for the log. */
  send(what, arrive) {
    this.log.push(`${this.trips}: ${what}`);
    this.#sent.push(arrive);
    this.#sentAt = performance.now();
  }

  /** Lets trips pass until `done()`, at most `most`. */
  async until(done, most = 60) {
    for (;;) {
      await this.#settle();
      if (done()) return;
      if (this.trips === most) throw new Error(`not done after ${most} trips:\n${this.log.join('\n')}`);
      this.trips += 1;
      for (const arrive of this.#sent.splice(0)) arrive();
    }
  }

  async #settle() {
    this.#sentAt = performance.now();
    while (performance.now() - this.#sentAt < QUIET_MS) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** A room for signalling. */
  room() {
    const members = new Set();
    const join = () => {
      const member = {
        onmessage: null,
        send: (message) => {
          const text = JSON.stringify(message);
          for (const other of members) if (other !== member) this.send(`signalling ${message.type}`, () => other.onmessage?.(JSON.parse(text)));
        },
        close: () => members.delete(member),
      };
      members.add(member);
      return member;
    };
    return { join };
  }

  /** A class of connections over this network. Each pair of connections finds itself by its descriptions. */
  connectionClass() {
    const network = this;
    const made = new Map();
    return class extends TripConnection {
      constructor() {
        super(network, made);
      }
    };
  }
}

/** What follows the descriptions, by turns: the answering side is the client of DTLS and begins. */
const handshakes = ['check', 'check answer', 'client hello', 'server hello', 'client finished', 'server finished'];
const associations = ['init', 'init ack', 'cookie echo', 'cookie ack'];

class TripChannel extends EventTarget {
  readyState = 'connecting';
  bufferedAmount = 0;
  bufferedAmountLowThreshold = 0;
  other = null;
  #network;

  constructor(network, label, id) {
    super();
    this.#network = network;
    this.label = label;
    this.id = id;
  }

  send(bytes) {
    if (this.readyState !== 'open') throw new DOMException('not open', 'InvalidStateError');
    const data = bytes.slice().buffer;
    this.#network.send(this.label, () => this.other.dispatchEvent(Object.assign(new Event('message'), { data })));
  }

  open() {
    if (this.readyState !== 'connecting') return;
    this.readyState = 'open';
    this.dispatchEvent(new Event('open'));
  }

  close() {
    if (this.readyState === 'closed') return;
    this.readyState = 'closed';
    this.dispatchEvent(new Event('close'));
  }
}

class TripConnection extends EventTarget {
  connectionState = 'new';
  iceConnectionState = 'new';
  iceGatheringState = 'new';
  signalingState = 'stable';
  localDescription = null;
  remoteDescription = null;
  sctp = null;
  #network;
  #made;
  #name;
  #channels = new Map();
  #other;

  constructor(network, made) {
    super();
    this.#network = network;
    this.#made = made;
    this.#name = `c${made.size}`;
    made.set(this.#name, this);
  }

  setConfiguration() {}

  createDataChannel(label, { id }) {
    const channel = new TripChannel(this.#network, label, id);
    this.#channels.set(id, channel);
    return channel;
  }

  createOffer = async () => ({ type: 'offer' });
  createAnswer = async () => ({ type: 'answer' });

  async setLocalDescription({ type }) {
    const print = `sha-256 ${Array(32).fill(this.#name.slice(1).padStart(2, '0')).join(':')}`;
    this.localDescription = { type, sdp: describeWith(this.#name, print) };
    this.signalingState = type === 'offer' ? 'have-local-offer' : 'stable';
    queueMicrotask(() => this.dispatchEvent(Object.assign(new Event('icecandidate'), { candidate: null })));
    // The checks of this side go out with the answer.
    if (type === 'answer') this.#step(handshakes, 0);
  }

  async setRemoteDescription({ type, sdp }) {
    this.remoteDescription = { type, sdp };
    this.signalingState = type === 'offer' ? 'have-remote-offer' : 'stable';
    this.#other = this.#made.get(/^s=(\S+)/.exec(sdp)[1]);
  }

  async addIceCandidate() {}

  getStats = async () => new Map();

  close() {
    this.signalingState = 'closed';
    this.connectionState = 'closed';
    for (const channel of this.#channels.values()) channel.close();
  }

  #step(messages, index) {
    this.#network.send(messages[index], () => this.#other.#take(messages, index));
  }

  #take(messages, index) {
    if (this.connectionState === 'closed') return;
    const name = messages[index];
    // The side that offers made its connection with the answer, which came with the check.
    this.#other ??= [...this.#made.values()].find((each) => each.#other === this);
    if (name === 'client finished' || name === 'server finished') this.#connected();
    if (name === 'client finished') this.#step(associations, 0);
    if (name === 'cookie echo' || name === 'cookie ack') this.#open();
    if (index + 1 < messages.length) this.#step(messages, index + 1);
  }

  #connected() {
    this.connectionState = 'connected';
    this.dispatchEvent(new Event('connectionstatechange'));
  }

  #open() {
    for (const [id, channel] of this.#channels) {
      channel.other = this.#other.#channels.get(id);
      channel.open();
    }
  }
}
