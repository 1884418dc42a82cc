// One agent of a mesh in a page; what tests call lies in `agent`.
import { createMesh } from '/dist/mesh.js';
import { webSocketSignaling } from '/dist/signaling.js';

let mesh;
let messages = [];
const log = [];
const received = [];
let bulk;
let bulkBytes = 0;

const plain = (error) => ({ code: error.code ?? 'none', message: String(error.message ?? error) });
const toPayload = (payload) => (typeof payload === 'object' && payload?.bytes !== undefined ? new Uint8Array(payload.bytes).fill(7) : payload);

async function until(holds, what) {
  const deadline = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`${what()} after 20 s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function hear() {
  mesh.onmessage = ({ payload, ...rest }) => {
    messages.push({ ...rest, payload: payload instanceof Uint8Array ? { bytes: payload.length } : payload });
    // A ping of the test asks for an answer.
    if (payload?.ping !== undefined) void mesh.send(rest.source, { pong: payload.ping }, { level: 'high' });
  };
  mesh.onincoming = (offer, from) => {
    // What has no end is counted only.
    const isEndless = offer.files[0].size === null;
    const transfer = offer.accept({ sink: isEndless ? () => new WritableStream({ write: (chunk) => void (bulkBytes += chunk.length) }) : 'memory' });
    if (isEndless) {
      transfer.done.catch(() => {});
      return;
    }
    void transfer.done.then(({ bytes }) => received.push({ from, bytes }));
  };
}

globalThis.agent = {
  async join(room, agentId, options = {}) {
    try {
      const signaling = webSocketSignaling(`/signal?room=${room}`);
      mesh = await createMesh({ agentId, signaling, secret: 'A-key-of-the-room-0123456789abcdefghijkl', log: (event) => log.push(event), ...options, rtc: options.rtc ?? { iceServers: [] } });
    } catch (error) {
      return plain(error);
    }
    hear();
    return null;
  },
  untilConnected: (count) => until(() => mesh.connected.length === count, () => `connected to ${mesh.connected}, not ${count}`),
  untilAgents: (count) => until(() => mesh.agents.length === count, () => `${mesh.agents} are there, not ${count}`),
  untilMessages: (count) => until(() => messages.length >= count, () => `${messages.length} of ${count} messages`),
  untilLogged: (event, reason) => until(() => log.some((entry) => entry.event === event && (!reason || entry.reason === reason)), () => `no ${event}`),
  untilReceived: (count) => until(() => received.length >= count, () => `${received.length} files`),
  agents: () => [...mesh.agents].sort(),
  topology: () => mesh.topology,
  mode: () => mesh.qualityMode,
  stats: () => mesh.bandwidthStats,
  received: () => received,
  takeMessages() {
    const taken = messages;
    messages = [];
    return taken;
  },
  takeLog: () => log.splice(0),
  async send(to, payload, options) {
    try {
      return await (to === null ? mesh.broadcast(toPayload(payload), options) : mesh.send(to, toPayload(payload), options));
    } catch (error) {
      return plain(error);
    }
  },
  /** `text`: JSON, so that a key may be `__proto__`. */
  sendJson: (to, text) => globalThis.agent.send(to, JSON.parse(text)),
  /** The same, past the sender's own check: the value is harmless when it is read first. */
  smuggleJson(to, text) {
    let read = false;
    const payload = {
      get smuggled() {
        if (read) return JSON.parse(text);
        read = true;
        return null;
      },
    };
    return globalThis.agent.send(to, payload);
  },
  async sendMany(to, count, bytes, options) {
    const sent = Array.from({ length: count }, () => globalThis.agent.send(to, { bytes }, options));
    const outcomes = await Promise.all(sent);
    return outcomes.filter(({ code }) => code === undefined).length;
  },
  /** Says as much as it is let, whatever becomes of it. */
  flood(to, count) {
    for (let i = 0; i < count; i += 1) mesh.send(to, i).catch(() => {});
  },
  async sendFile(to, bytes) {
    try {
      const transfer = await mesh.sendFiles(to, new Uint8Array(bytes), { name: 'file' });
      return (await transfer.done).bytes;
    } catch (error) {
      return plain(error);
    }
  },
  /** Round trips of messages that are answered, ms. */
  async ping(to, count, pauseMs) {
    const trips = [];
    for (let i = 0; i < count; i += 1) {
      const began = performance.now();
      const answered = new Promise((resolve) => {
        const listener = ({ message }) => {
          if (message.payload?.pong !== i) return;
          mesh.removeEventListener('message', listener);
          resolve();
        };
        mesh.addEventListener('message', listener);
      });
      mesh.send(to, { ping: i }, { level: 'high' }).catch(() => {});
      await answered;
      trips.push(performance.now() - began);
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    messages = [];
    return trips;
  },
  /** Messages a second, as many at once as a stream takes, until all are acknowledged. */
  async rate(to, count, bytes) {
    const payload = new Uint8Array(bytes);
    const began = performance.now();
    let left = count;
    const work = async () => {
      while (left > 0) {
        left -= 1;
        await mesh.send(to, payload);
      }
    };
    await Promise.all(Array.from({ length: 100 }, work));
    return (count * 1000) / (performance.now() - began);
  },
  /** A file without an end. */
  async startBulk(to) {
    const chunk = crypto.getRandomValues(new Uint8Array(65_536));
    bulk = await mesh.sendFiles(to, new ReadableStream({ pull: (controller) => controller.enqueue(chunk) }), { name: 'bulk' });
    bulk.done.catch(() => {});
  },
  stopBulk: () => bulk.cancel(),
  bulkBytes: () => bulkBytes,
  leave: () => mesh.close(),
};
document.documentElement.dataset.ready = 'yes';
