// Somebody who has the signalling: two rooms with one victim in each, who believe that they are in the same one.

let seen = { messages: 0, bytes: 0, kinds: {}, hits: 0 };
let needle = null;

/** Looks at a message on its way. */
function look(data) {
  const bytes = new Uint8Array(data);
  seen.messages += 1;
  seen.bytes += bytes.length;
  seen.kinds[bytes[0]] = (seen.kinds[bytes[0]] ?? 0) + 1;
  if (needle !== null && new TextDecoder('latin1').decode(bytes).includes(needle)) seen.hits += 1;
}

/** The side's control connection to this page, and what waits for it. */
class Leg {
  connection = new RTCPeerConnection();
  channels = [
    this.connection.createDataChannel('millrace-control', { negotiated: true, id: 0, ordered: true }),
    this.connection.createDataChannel('millrace-pulse', { negotiated: true, id: 1, ordered: false, maxRetransmits: 0 }),
  ];
  #candidates = [];
  #queues = [[], []];

  constructor(say, pass) {
    this.say = say;
    for (const [index, channel] of this.channels.entries()) {
      channel.binaryType = 'arraybuffer';
      channel.onmessage = ({ data }) => {
        look(data);
        pass(index, data);
      };
      channel.onopen = () => {
        for (const data of this.#queues[index].splice(0)) channel.send(data);
      };
    }
    this.connection.onicecandidate = ({ candidate }) => {
      if (!candidate?.candidate) return;
      const { sdpMid, sdpMLineIndex } = candidate;
      this.say({ type: 'candidate', candidate: candidate.candidate, sdpMid, sdpMLineIndex });
    };
  }

  async describe(kind, sdp) {
    await this.connection.setRemoteDescription({ type: kind, sdp });
    for (const candidate of this.#candidates.splice(0)) await this.connection.addIceCandidate(candidate);
  }

  /** Makes an offer, or an answer to the one it got. */
  async tell() {
    await this.connection.setLocalDescription();
    const { type, sdp } = this.connection.localDescription;
    this.say({ type: 'description', kind: type, sdp });
  }

  async take(candidate) {
    if (this.connection.remoteDescription) await this.connection.addIceCandidate(candidate);
    else this.#candidates.push(candidate);
  }

  /** `index`: of the channel. */
  send(index, data) {
    const channel = this.channels[index];
    if (channel.readyState === 'open') channel.send(data);
    else if (channel.readyState === 'connecting') this.#queues[index].push(data);
  }
}

/** A forged fingerprint in the place of the real one. */
function forge(message) {
  if (message.type !== 'description') return message;
  const digits = Array.from(crypto.getRandomValues(new Uint8Array(32)), (byte) => byte.toString(16).padStart(2, '0').toUpperCase());
  return { ...message, sdp: message.sdp.replace(/^a=fingerprint:\S+ \S+/gm, `a=fingerprint:sha-256 ${digits.join(':')}`) };
}

globalThis.mitm = {
  /**
   * Stands between the rooms. `how`: 'pass' changes nothing; 'forge' puts other fingerprints into the descriptions; 'relay'
   * has a connection of its own to each side and passes on what comes. `marker`: text to look for in what comes.
   */
  async start({ rooms, how, marker = null }) {
    needle = marker;
    seen = { messages: 0, bytes: 0, kinds: {}, hits: 0 };
    const sockets = rooms.map((room) => {
      const url = new URL(`/signal?room=${room}`, location.href);
      url.protocol = 'ws:';
      return new WebSocket(url);
    });
    await Promise.all(sockets.map((socket) => new Promise((resolve) => (socket.onopen = resolve))));
    let legs = null;
    let steps = Promise.resolve();

    /** `from`: the side that a message came from. */
    const relay = async (from, message) => {
      const to = 1 - from;
      if (message.type === 'candidate') {
        await legs?.[from].take({ candidate: message.candidate, sdpMid: message.sdpMid ?? '0', sdpMLineIndex: message.sdpMLineIndex });
        return;
      }
      if (message.kind === 'offer') {
        // As one side is told, so it is spoken to in the other one's name.
        const envelope = { millrace: 1, link: message.link };
        const say = (side) => (body) => {
          const names = side === from ? { from: message.to, to: message.from } : { from: message.from, to: message.to };
          sockets[side].send(JSON.stringify({ ...envelope, ...names, ...body }));
        };
        legs = [0, 1].map((side) => new Leg(say(side), (index, data) => legs[1 - side].send(index, data)));
        await legs[from].describe('offer', message.sdp);
        await legs[to].tell();
      } else {
        await legs[from].describe('answer', message.sdp);
        await legs[to].tell();
      }
    };

    for (const [from, socket] of sockets.entries()) {
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (message.type === 'left') return;
        const isLink = message.type === 'description' || message.type === 'candidate';
        if (how === 'relay' && isLink) steps = steps.then(() => relay(from, message)).catch(() => {});
        else sockets[1 - from].send(JSON.stringify(how === 'forge' ? forge(message) : message));
      };
    }
  },

  seen: () => seen,
};
globalThis.mitmReady = true;
