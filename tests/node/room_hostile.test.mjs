// Members of a room that do harm: one that was admitted, over real WebRTC, and random messages and notes from a seed.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { RTCPeerConnection } from './support/agents.mjs';
import { parts } from './support/room_parts.mjs';
import { MeetingPlace, until, untilNames } from './support/rooms.mjs';

after(() => setImmediate(() => process.exit()));

const seed = Number(process.env.MILLRACE_SEED ?? Date.now() % 2 ** 32);

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
function generator(from) {
  let state = from;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Runs `check` with as many generators, and names the seed of one that fails. */
async function rounds(count, check) {
  for (let round = 0; round < count; round += 1) {
    const own = (seed + round) >>> 0;
    try {
      await check(generator(own));
    } catch (error) {
      throw new Error(`MILLRACE_SEED=${own}: ${error.message}`, { cause: error });
    }
  }
}

const pick = (random, list) => list[Math.floor(random() * list.length)];

/** Any JSON, with the words of the protocol more often than chance. */
function anyValue(random, words, depth = 0) {
  const kind = random();
  if (kind < 0.35) return pick(random, words);
  if (kind < 0.5) return pick(random, [null, true, false, 0, -1, 1, 2 ** 53, 1e308, '', '__proto__', 'x'.repeat(5_000), '\ud800', '\u0000']);
  if (kind < 0.6) return Math.floor(random() * 2 ** 32).toString(16).padStart(16, '0').slice(0, 14 + Math.floor(random() * 4));
  if (depth > 2) return random();
  if (kind < 0.7) return Array.from({ length: Math.floor(random() * 4) }, () => anyValue(random, words, depth + 1));
  return anyObject(random, words, depth + 1);
}

function anyObject(random, words, depth = 0) {
  return Object.fromEntries(Array.from({ length: Math.floor(random() * 8) }, () => [String(pick(random, words)), anyValue(random, words, depth)]));
}

test('random messages of a room never throw, and whatever is taken is a message of its kind', async () => {
  const { parseRoomMessage, toRoomMessage } = parts;
  const words = ['millrace', 'room', 'kind', 'here', 'full', 'bye', 'pair', 'from', 'to', 'asks', 'body', 1, '0123456789abcdef', 'fedcba9876543210'];
  let taken = 0;
  await rounds(5_000, (random) => {
    // Half of them come from somebody, so that enough of them are valid: more than a hundred.
    const from = random() < 0.5 ? 'fedcba9876543210' : pick(random, words);
    const raw = { ...(random() < 0.9 ? { millrace: 1, room: 1, from } : {}), ...(random() < 0.8 ? { kind: pick(random, words) } : {}), ...anyObject(random, words) };
    const message = parseRoomMessage(raw);
    if (message === undefined) return;
    taken += 1;
    assert.deepEqual(parseRoomMessage(toRoomMessage(message)), message);
    assert.match(message.from, /^[0-9a-f]{16}$/);
    assert.ok(Object.keys(message).length <= 4);
  });
  assert.ok(taken > 30, `only ${taken} of the messages were valid`);
});

test('random notes never throw, and few of them wait', async () => {
  const words = ['note', 'type', 'hello', 'proof', 'verdict', 'ping', 'invite'];
  await rounds(500, (random) => {
    const notes = new parts.Notes();
    let sent = 0;
    for (let count = 0; count < 20; count += 1) {
      const text = random() < 0.5 ? parts.toNoteText(anyObject(random, words)) : `{"note":${JSON.stringify(anyValue(random, words))}}`;
      const cut = random() < 0.3 ? text.slice(0, Math.floor(random() * text.length)) : text;
      if (notes.handle(cut)) sent += 1;
    }
    const heard = [];
    notes.listener = (note) => heard.push(note);
    assert.ok(heard.length <= Math.min(8, sent));
    for (const note of heard) assert.ok(typeof note === 'object' && note !== null);
  });
});

test('no introduction with random notes succeeds, and each ends with a typed error', async () => {
  const identity = await parts.claimIdentity('a room of its own');
  const other = await parts.claimIdentity('another room');
  const words = ['type', 'hello', 'proof', 'verdict', 'key', 'rank', 'name', 'data', 'signature', 'welcome', 'full', other.publicKey, 7];
  const hello = { type: 'hello', key: other.publicKey, rank: 1, name: 'h', data: null };
  const proof = { type: 'proof', signature: await other.sign('anything') };
  const codes = new Map();
  await rounds(300, async (random) => {
    const session = Object.assign(new EventTarget(), { state: 'connected', sas: ['a', 'b'], ending: undefined, onnote: null, sendNote: () => {} });
    let judged = 0;
    const judge = () => Promise.resolve().then(() => ((judged += 1), 'welcome'));
    const outcome = parts.introduce({ session, identity, about: { name: '', data: null }, judge }).then(() => undefined, (error) => error);
    for (let count = 0; count < 12 && session.onnote; count += 1) {
      const honest = [hello, proof, { type: 'verdict', verdict: 'welcome' }][count];
      session.onnote(honest && random() < 0.7 ? { ...honest, ...(random() < 0.4 ? anyObject(random, words) : {}) } : anyObject(random, words));
    }
    const error = await outcome;
    assert.ok(error, 'it succeeded');
    assert.equal(judged, 0, 'somebody without a proof was judged');
    codes.set(error.code, (codes.get(error.code) ?? 0) + 1);
  });
  assert.deepEqual([...codes.keys()].sort(), ['authentication-failed', 'protocol-violation']);
});

test('a member that was admitted and then floods with notes, messages and offers harms nobody else', async (t) => {
  const place = new MeetingPlace(t);
  const a = await place.create({ name: 'a' });
  const b = place.enter(a.invite, { name: 'b' });
  await Promise.all([untilNames(a, 'b'), untilNames(b, 'a')]);
  const identity = await parts.claimIdentity('the room of a hostile member');
  const { key } = parts.parseInvite(a.invite);
  let pings = 0;
  let pongs = 0;
  const timers = [];
  const endings = [];
  let poured = 0;
  const pour = (session) => {
    poured += 1;
    const name = `${'n'.repeat(4_000)}${poured}`;
    session.message('x'.repeat(60_000)).catch(() => {});
    session.send(new Blob(['x']), { name }).done.catch(() => {});
  };
  const meeting = new parts.Meeting({
    open: () => place.signaling(), key, connect: { RTCPeerConnection, rtc: { iceServers: [] }, worker: false }, maxPeers: 10,
    isFull: () => false, onfailed: () => {}, ondown: () => {}, onchange: () => {},
    onsession: async (address, session) => {
      await parts.introduce({ session, identity, about: { name: 'h', data: null }, judge: async () => 'welcome' });
      session.addEventListener('statechange', () => session.ending && endings.push(`${session.ending.message}`));
      session.onnote = ({ type }) => (pongs += type === 'pong' ? 1 : 0);
      const flood = setInterval(() => {
        // The flood itself may hold its connection up until it is repaired.
        if (session.state === 'closed') clearInterval(flood);
        if (session.state !== 'connected') return;
        if (pings <= 2_000) for (let count = 0; count < 50; count += 1) session.sendNote({ type: 'ping', count: (pings += 1) });
        else pour(session);
      }, 20);
      timers.push(flood);
    },
  });
  t.after(() => {
    timers.forEach(clearInterval);
    return meeting.close(new Error('the test is over'));
  });
  // Both listen to nobody yet: whatever the hostile member sends waits in its own sessions.
  await until(() => poured > 200, () => `${pings} pings, ${poured} offers; ${a.log}; ${endings}`, 60);
  const offers = [];
  b.onoffer = ({ offer, peer }) => {
    offers.push(peer.name);
    if (peer.name === 'a') offer.accept({ sink: 'memory' });
  };
  assert.equal((await a.send(new Uint8Array(200_000), { to: b.id }).done).size, 1);
  await a.message('hello', { to: b.id });
  assert.equal(a.peers.get(b.id).state, 'connected');
  assert.ok(offers.filter((name) => name === 'h').length <= 64, `${offers.length} offers of one member waited`);
  assert.ok(pongs < pings / 4, `${pongs} answers to ${pings} pings`);
});
