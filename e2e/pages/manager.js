// One peer of a ConnectionManager; the test carries what it says.
import { ConnectionManager, LaneSet, ready } from '/dist/parts.js';
import { randomBytes } from './random.js';

await ready;
const manager = new ConnectionManager({ rtc: { iceServers: [] } });
const candidates = [];
const gathered = Promise.withResolvers();
const opened = Promise.withResolvers();
const ended = Promise.withResolvers();
const arrived = [];
let set;

manager.addEventListener('candidate', ({ candidate }) => {
  if (candidate) candidates.push(candidate.toJSON());
  else gathered.resolve();
});
manager.addEventListener('open', () => opened.resolve());
manager.addEventListener('close', () => ended.resolve());
manager.addEventListener('data', ({ data }) => arrived.push(typeof data === 'string' ? data : [...new Uint8Array(data)]));

globalThis.manager = {
  async offer() {
    const { offer, connection } = await manager.createConnection('other', { delivery: 'ordered' });
    set = LaneSet.open(connection, { lanes: 2 });
    return offer;
  },
  async answer(offer) {
    const { answer, connection } = await manager.acceptOffer('other', offer, { delivery: 'ordered' });
    set = LaneSet.accept(connection, { lanes: 2 });
    return answer;
  },
  finish: (answer) => manager.acceptAnswer('other', answer),
  async candidates() {
    await gathered.promise;
    return candidates;
  },
  async add(list) {
    for (const candidate of list) await manager.addCandidate('other', candidate);
  },
  opened: () => opened.promise,
  /** Sends messages until there is backpressure, and more once it has drained. Gives how many went before. */
  async fill() {
    let before = 0;
    while (manager.sendData('other', new Uint8Array(60_000))) before += 1;
    const full = [manager.hasBackpressure('other'), manager.bufferLevel('other')];
    await new Promise((resolve) => manager.addEventListener('drain', resolve, { once: true }));
    manager.sendData('other', 'drained');
    return { before, full, after: manager.hasBackpressure('other') };
  },
  send: (data) => manager.sendData('other', typeof data === 'string' ? data : Uint8Array.from(data)),
  arrived: () => arrived.filter((data) => data.length < 1_000),
  async lanes() {
    await set.send(randomBytes(500_000, 1));
  },
  receive: async () => (await set.receive()).length,
  leave: () => manager.closeConnection('other'),
  ended: () => ended.promise,
};
