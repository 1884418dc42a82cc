// One member of a room in a page; what tests call lies in `member`. Every function takes and gives plain data.
import { createRoom, joinRoom } from '/dist/millrace.js';

let room;
const log = [];
const received = [];
const groups = [];

const rtc = { iceServers: [] };
const plain = (error) => ({ code: error.code ?? 'none', message: String(error.message ?? error) });

async function until(holds, what) {
  const deadline = performance.now() + 60_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`${what()} after 60 s; ${log.join(', ')}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function watch(entered) {
  room = entered;
  room.onstatechange = () => log.push(room.state);
  room.onpeer = ({ peer }) => log.push(`+${peer.name}`);
  room.onleave = ({ peer }) => log.push(`-${peer.name}`);
  room.onerror = ({ error }) => log.push(`error ${error.code}: ${error.message}`);
  room.oncodechange = () => log.push(`code ${room.code}`);
  room.onoffer = ({ offer, peer }) => {
    void offer.accept({ sink: 'memory' }).done.then(({ bytes }) => received.push({ from: peer.name, bytes }), () => {});
  };
}

globalThis.member = {
  async create(where, options = {}) {
    try {
      watch(await createRoom(where, { rtc, ...options }));
      return { invite: room.invite, code: room.code };
    } catch (error) {
      return plain(error);
    }
  },
  enter(where, invite, options = {}) {
    try {
      watch(joinRoom(where, invite, { rtc, ...options }));
      return { invite: room.invite, code: room.code };
    } catch (error) {
      return plain(error);
    }
  },
  about: () => ({ state: room.state, invite: room.invite, code: room.code, id: room.id }),
  peers: () => [...room.peers.values()].map(({ id, name, data, state, verified }) => ({ id, name, data, state, verified })),
  log: () => log,
  untilNames: (...names) =>
    until(
      () => String([...room.peers.values()].map(({ name }) => name).sort()) === String(names.sort()),
      () => `[${[...room.peers.values()].map(({ name }) => name)}] instead of [${names}]`,
    ),
  untilState: (state) => until(() => room.state === state, () => `${room.state} instead of ${state}`),
  untilLogged: (text) => until(() => log.some((entry) => entry.includes(text)), () => `no ${text}`),
  untilCode: () => until(() => room.code !== null, () => 'no code'),
  untilReceived: (count) => until(() => received.length >= count, () => `${received.length} files`),
  received: () => received,
  /** Gives the number of the transfer. */
  send: (bytes, options) => groups.push(room.send(new File([new Uint8Array(bytes).fill(7)], 'file.bin'), options)) - 1,
  /** Bytes by member, or the error. */
  outcome: (group) =>
    groups[group].done.then((receipts) => ({ bytes: Object.fromEntries([...receipts].map(([id, receipt]) => [id, receipt.bytes])) }), plain),
  bytesRead: (group) => groups[group].bytesRead,
  /** For each member, from the call on, s: `seconds` by id, and how often the bytes were read. Rejects as `GroupTransfer.done`. */
  async timeGroup(bytes, options) {
    const content = new Uint8Array(bytes);
    for (let at = 0; at < bytes; at += 65_536) crypto.getRandomValues(content.subarray(at, at + 65_536));
    const file = new File([content], 'file.bin');
    const began = performance.now();
    const group = room.send(file, options);
    const seconds = {};
    for (const [id, { done }] of group.transfers) void done.then(() => (seconds[id] = (performance.now() - began) / 1000), () => {});
    await group.done;
    await Promise.allSettled([...group.transfers.values()].map(({ done }) => done));
    return { seconds, readsPerByte: group.bytesRead / bytes };
  },
  leave: () => room.leave(),
};
document.documentElement.dataset.ready = 'yes';
