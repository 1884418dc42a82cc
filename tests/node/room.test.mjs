// Rooms over real WebRTC, in a signalling in memory: who meets whom, what a room says about itself, and members that do harm.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { RTCPeerConnection } from './support/agents.mjs';
import { parts } from './support/room_parts.mjs';
import { createLinkKey, joinRoom, MeetingPlace, MillraceError, until, untilNames } from './support/rooms.mjs';

after(() => setImmediate(() => process.exit()));

const bytes = new Uint8Array(100_000).fill(7);
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const byName = (room, name) => [...room.peers.values()].find((peer) => peer.name === name);
const accept = ({ offer }) => void offer.accept({ sink: 'memory' });
const untilState = (room, state) => until(() => room.state === state, () => `${room.state} instead of ${state}: ${room.log.join(', ')}`);

/** A member that can do what it likes with its sessions. `onsession`: with each, before anybody is introduced. */
function stranger(t, place, invite, onsession, options = {}) {
  const { key } = parts.parseInvite(invite);
  const failures = [];
  const meeting = new parts.Meeting({
    open: () => place.signaling(),
    key,
    connect: { RTCPeerConnection, rtc: { iceServers: [] }, worker: false },
    maxPeers: 10,
    isFull: () => false,
    onsession: (address, session) => onsession(session, address),
    onfailed: (error) => failures.push(error),
    ondown: () => {},
    onchange: () => {},
    ...options,
  });
  t.after(() => meeting.close(new Error('the test is over')));
  return { meeting, failures };
}

test('two members meet, know each other by name, data and id, and send files', async (t) => {
  const place = new MeetingPlace(t);
  const a = await place.create({ name: 'a', data: { colour: ['red', 1, null] } });
  assert.deepEqual([a.state, a.peers.size, a.code], ['waiting', 0, null]);
  const b = place.enter(a.invite, { name: 'b' });
  await Promise.all([untilNames(a, 'b'), untilNames(b, 'a')]);
  assert.deepEqual([a.state, b.state], ['connected', 'connected']);
  assert.deepEqual([...a.peers.keys()], [b.id]);
  assert.deepEqual([...b.peers.keys()], [a.id]);
  const [peer] = b.peers.values();
  assert.deepEqual([peer.id, peer.name, peer.data, peer.verified, peer.state], [a.id, 'a', { colour: ['red', 1, null] }, true, 'connected']);
  assert.equal(byName(a, 'b').data, null);

  b.onoffer = accept;
  const transfer = a.send([bytes]);
  const receipts = await transfer.done;
  assert.deepEqual([...receipts.keys()], [b.id]);
  assert.equal(receipts.get(b.id).bytes, bytes.length);
  assert.deepEqual([transfer.bytes, transfer.totalBytes], [bytes.length, bytes.length]);

  await b.leave();
  assert.deepEqual([b.state, b.peers.size], ['closed', 0]);
  await until(() => a.peers.size === 0, () => 'b did not leave');
  await untilState(a, 'waiting');
  assert.deepEqual(a.log, ['connecting', 'connected', '+b', '-b', 'waiting']);
  assert.deepEqual(b.log.slice(-2), ['closed', '-a']);
  assert.throws(() => b.send(bytes), { code: 'closed' });
  await assert.rejects(b.message('x'), { code: 'closed' });
});

test('loops over the offers and messages of a room hear all members, also those that come later', async (t) => {
  const place = new MeetingPlace(t);
  const room = await place.create({ name: 'room' });
  const heard = [];
  const listening = (async () => {
    for await (const { data, peer } of room.messages()) heard.push(`${peer.name} ${data}`);
  })();
  const offers = room.offers();
  const members = [];
  for (const name of ['a', 'b']) {
    const member = place.enter(room.invite, { name });
    await Promise.all([untilNames(room, ...members, name), untilNames(member, ...members, 'room')]);
    members.push(name);
    const to = room.id;
    for (const data of [1, 2]) await member.message(data, { to });
    const transfer = member.send(bytes, { to });
    const { value: offer } = await offers.next();
    assert.equal(offer.peer, byName(room, name));
    await Promise.all([offer.accept({ sink: 'memory' }).done, transfer.done]);
  }
  assert.deepEqual(heard, ['a 1', 'a 2', 'b 1', 'b 2']);
  await assert.rejects(room.message('x', { signal: AbortSignal.abort() }), { code: 'aborted' });
  const last = offers.next();
  await room.leave();
  assert.deepEqual(await last, { done: true, value: undefined });
  await listening;
  assert.equal((await room.messages().next()).done, true);
});

test('a member that comes back is the same one, and a room that is entered twice has two members', async (t) => {
  const place = new MeetingPlace(t);
  const a = await place.create({ name: 'a' });
  const b = place.enter(a.invite, { name: 'b' });
  await untilNames(a, 'b');
  const { id } = b;
  await b.leave();
  await until(() => a.peers.size === 0, () => 'b did not leave');
  const again = place.enter(a.invite, { name: 'b again' });
  await untilNames(a, 'b again');
  assert.equal(again.id, id);
  assert.deepEqual([...a.peers.keys()], [id]);
  const other = place.enter(a.invite, { name: 'c' });
  await untilNames(a, 'b again', 'c');
  assert.notEqual(other.id, id);
});

test('four members meet all; a file goes to all, to some, and to those who come later', async (t) => {
  const place = new MeetingPlace(t);
  const a = await place.create({ name: 'a' });
  const [b, c] = ['b', 'c'].map((name) => place.enter(a.invite, { name }));
  await Promise.all([untilNames(a, 'b', 'c'), untilNames(b, 'a', 'c'), untilNames(c, 'a', 'b')]);
  for (const room of [b, c]) room.onoffer = accept;

  const toSome = await a.send(bytes, { to: c.id }).done;
  assert.deepEqual([...toSome.keys()], [c.id]);
  assert.throws(() => a.send(bytes, { to: [b.id, 'nobody'] }), { code: 'invalid-argument', message: /nobody/ });

  const later = a.send(bytes, { newcomers: true });
  const added = [];
  later.addEventListener('transfer', ({ id }) => added.push(id));
  await until(() => [...later.transfers.values()].every(({ state }) => state === 'done'), () => 'not done');
  const d = place.enter(a.invite, { name: 'd' });
  d.onoffer = accept;
  await untilNames(d, 'a', 'b', 'c');
  await until(() => later.transfers.get(d.id)?.state === 'done', () => 'd has no file');
  assert.deepEqual(added, [d.id]);
  assert.equal(later.bytes, 3 * bytes.length);
  later.cancel();
  assert.deepEqual([...(await later.done).keys()].sort(), [b.id, c.id, d.id].sort());
});

test('one member that refuses and one that does not answer hold up nobody', async (t) => {
  const place = new MeetingPlace(t);
  const a = await place.create({ name: 'a' });
  const rooms = ['b', 'c', 'd'].map((name) => place.enter(a.invite, { name }));
  await untilNames(a, 'b', 'c', 'd');
  const [b, c, d] = rooms;
  b.onoffer = accept;
  c.onoffer = ({ offer }) => offer.reject('no, thanks');
  const group = a.send(bytes);
  let settled = false;
  void group.done.finally(() => (settled = true));
  assert.equal((await group.transfers.get(b.id).done).bytes, bytes.length);
  await assert.rejects(group.transfers.get(c.id).done, { code: 'rejected' });
  assert.equal(group.transfers.get(d.id).state, 'offered');
  assert.equal(settled, false);
  group.transfers.get(d.id).cancel();
  assert.deepEqual([...(await group.done).keys()], [b.id]);
  // Where nobody has it, the first error is the group's.
  await assert.rejects(a.send(bytes, { to: c.id }).done, { code: 'rejected' });
  const stopped = a.send(bytes, { to: d.id });
  stopped.pause();
  stopped.resume();
  stopped.cancel('enough');
  await assert.rejects(stopped.done, { code: 'cancelled', message: /enough/ });
});

test('in an empty room a file waits for the first member, and ends with the room', async (t) => {
  const place = new MeetingPlace(t);
  const a = await place.create({ name: 'a' });
  const first = a.send([bytes, bytes]);
  const b = place.enter(a.invite, { name: 'b' });
  b.onoffer = accept;
  assert.deepEqual([...(await first.done).keys()], [b.id]);
  await b.leave();
  await until(() => a.peers.size === 0, () => 'b did not leave');
  const [never, given] = [a.send(bytes), a.send(bytes)];
  given.cancel();
  await assert.rejects(given.done, { code: 'cancelled' });
  await a.leave();
  await assert.rejects(never.done, { code: 'closed' });
});

test('a member that comes back gets the files that it was getting, from one that sends to newcomers', async (t) => {
  const place = new MeetingPlace(t);
  const a = await place.create({ name: 'a' });
  const b = place.enter(a.invite, { name: 'b' });
  await untilNames(a, 'b');
  const group = a.send(bytes, { newcomers: true });
  await until(() => group.transfers.size === 1, () => 'not offered');
  await b.leave();
  await assert.rejects(group.transfers.get(b.id).done, { code: 'closed' });
  const again = place.enter(a.invite, { name: 'b' });
  again.onoffer = accept;
  await until(() => group.transfers.get(again.id)?.state === 'done', () => 'not offered again');
  assert.equal(again.id, b.id);
  group.cancel();
  assert.deepEqual([...(await group.done).keys()], [b.id]);
});

test('a room outlives its signalling server, alone and with others', async (t) => {
  const place = new MeetingPlace(t);
  place.stop();
  const a = await place.create({ name: 'a' });
  await untilState(a, 'offline');
  await wait(1_500);
  place.start();
  await untilState(a, 'waiting');
  assert.deepEqual(a.log, ['waiting']);
  place.stop();
  await untilState(a, 'offline');
  const b = place.enter(a.invite, { name: 'b' });
  await untilState(b, 'offline');
  place.start();
  await Promise.all([untilNames(a, 'b'), untilNames(b, 'a')]);
  place.stop();
  await wait(500);
  assert.deepEqual([a.state, b.state], ['connected', 'connected']);
  b.onoffer = accept;
  assert.equal((await a.send(bytes).done).size, 1);
  place.start();
  const c = place.enter(a.invite, { name: 'c' });
  await untilNames(c, 'a', 'b');
  assert.ok(![a, b, c].some(({ log }) => log.some((entry) => entry.startsWith('error'))), [a, b, c].map(({ log }) => log.join(', ')).join('; '));
});

test('a signalling without reopen is replaced by the function that made it, and reported where there is none', async (t) => {
  const place = new MeetingPlace(t);
  const made = [];
  const make = () => {
    const signaling = place.signaling();
    delete signaling.reopen;
    made.push(signaling);
    return signaling;
  };
  const a = place.watch(joinRoom(make, `${'r'.repeat(22)}.${createLinkKey(128)}`, { RTCPeerConnection, rtc: { iceServers: [] }, name: 'a' }));
  const b = place.watch(joinRoom(make(), a.invite, { RTCPeerConnection, rtc: { iceServers: [] }, name: 'b' }));
  await untilNames(a, 'b');
  for (const signaling of [...made]) signaling.onerror({ code: 'signaling-failed' });
  await until(() => b.log.includes('error signaling-failed'), () => b.log.join(', '));
  await until(() => made.length === 3, () => `${made.length} made`);
  const c = place.enter(a.invite, { name: 'c' });
  await untilNames(a, 'b', 'c');
  await untilNames(c, 'a');
  assert.ok(!a.log.includes('error signaling-failed'));
  assert.equal(b.state, 'connected');
});

test('a full room at the server is known by the close code, whatever the text, and is reported once', async (t) => {
  const place = new MeetingPlace(t);
  for (const [closeCode, reported] of [[4409, ['rejected']], [1006, []]]) {
    let attempts = 0;
    const signaling = { send: () => {}, onmessage: null, onerror: null, onopen: null, closeCode, reopen: () => fail() };
    const fail = () => setImmediate(() => signaling.onerror?.(new MillraceError('signaling-failed', `attempt ${(attempts += 1)} (44090)`)));
    const open = () => {
      fail();
      return signaling;
    };
    const room = place.watch(joinRoom(open, parts.formatInvite(parts.drawInvite()), { RTCPeerConnection, rtc: { iceServers: [] } }));
    const errors = [];
    room.onerror = ({ error }) => errors.push(error);
    await until(() => attempts > 3, () => `${attempts} attempts`);
    assert.deepEqual(errors.map(({ code }) => code), reported);
    if (errors.length > 0) assert.match(errors[0].message, /the server lets nobody else in/);
    await room.leave();
  }
});

test('a member too many is told so, and comes in when somebody leaves', async (t) => {
  const place = new MeetingPlace(t);
  const a = await place.create({ name: 'a', maxPeers: 1 });
  const b = place.enter(a.invite, { name: 'b', maxPeers: 1 });
  await Promise.all([untilNames(a, 'b'), untilNames(b, 'a')]);
  const c = place.enter(a.invite, { name: 'c', maxPeers: 1 });
  let told;
  c.onerror = ({ error }) => (told = error);
  await until(() => told, () => 'c heard nothing');
  assert.equal(told.code, 'rejected');
  assert.match(told.message, /the room is full/);
  await wait(5_000);
  assert.equal(c.log.filter((entry) => entry.startsWith('error')).length, 1);
  assert.deepEqual([c.state, a.state, b.state], ['waiting', 'connected', 'connected']);
  await b.leave();
  await Promise.all([untilNames(a, 'c'), untilNames(c, 'a')]);
});

test('three that come at once into a room for two become a pair', async (t) => {
  const place = new MeetingPlace(t);
  const invite = parts.formatInvite(parts.drawInvite());
  const rooms = ['a', 'b', 'c'].map((name) => place.enter(invite, { name, maxPeers: 1 }));
  const sizes = () => rooms.map(({ peers }) => peers.size).sort().join();
  await until(() => sizes() === '0,1,1', () => rooms.map(({ log }) => log.join(', ')).join('; '));
  await wait(3_000);
  assert.equal(sizes(), '0,1,1');
});

test('somebody with another key is reported on both sides, and the room goes on', async (t) => {
  const place = new MeetingPlace(t);
  const a = await place.create({ name: 'a' });
  const [room] = a.invite.split('.');
  const wrong = place.enter(`${room}.${createLinkKey(128)}`, { name: 'wrong' });
  for (const side of [a, wrong]) await until(() => side.log.includes('error authentication-failed'), () => side.log.join(', '));
  const b = place.enter(a.invite, { name: 'b' });
  await Promise.all([untilNames(a, 'b'), untilNames(b, 'a')]);
  await until(() => b.log.includes('error authentication-failed'), () => b.log.join(', '));
  assert.deepEqual([wrong.peers.size, a.peers.size, b.peers.size], [0, 1, 1]);
  // It is not tried again and again.
  await wait(4_000);
  assert.equal(a.log.filter((entry) => entry.startsWith('error')).length, 1);
  await untilState(wrong, 'waiting');
});

test('leaving and a signal end a room at any moment', async (t) => {
  const place = new MeetingPlace(t);
  const a = await place.create({ name: 'a' });
  const early = place.enter(a.invite, { name: 'early' });
  await early.leave();
  const ending = new AbortController();
  const b = place.enter(a.invite, { name: 'b', signal: ending.signal });
  await untilNames(a, 'b');
  ending.abort();
  assert.equal(b.state, 'closed');
  await until(() => a.peers.size === 0, () => 'b did not leave');
  assert.deepEqual(early.log, ['closed']);
  await assert.rejects(place.create({ signal: ending.signal }), { code: 'aborted' });
  assert.throws(() => joinRoom(place.signaling(), a.invite, { signal: ending.signal }), { code: 'aborted' });
  await a.leave();
  assert.equal(place.members.size, 0, 'a signalling stayed open');
});

test('invalid arguments are refused where they are passed, and named', async (t) => {
  const place = new MeetingPlace(t);
  const good = parts.formatInvite(parts.drawInvite());
  for (const invite of ['', 'short.key', good.slice(0, -4), `${good}.x`, 'https://example.org/', 'crossover-clockwork', null, 7, 'x'.repeat(10_000)]) {
    assert.throws(() => joinRoom(place.signaling(), invite), { code: 'invalid-argument', message: /invite/ }, String(invite));
  }
  for (const where of ['ftp://example.org/', 'wss://', {}, null, 5, 'no address']) {
    assert.throws(() => joinRoom(where, good, { RTCPeerConnection }), { code: 'invalid-argument', message: /where/ }, String(where));
  }
  const circle = {};
  circle.self = circle;
  const wrong = [
    ['name', { name: 5 }], ['maxPeers', { maxPeers: 0 }], ['maxPeers', { maxPeers: 1.5 }], ['maxPeers', { maxPeers: 100 }],
    ['data', { data: undefined, name: 'x', data2: 0 }, true], ['data', { data: { at: new Date() } }], ['data', { data: [NaN] }],
    ['data', { data: circle }], ['data', { data: () => 1 }], ['data', { data: JSON.parse('{"__proto__":1}') }],
    ['secret', { secret: 'x' }], ['signaling', { signaling: {} }], ['signal', { signal: 1 }], ['lanes', { lanes: 3 }],
  ];
  for (const [name, options, isRight] of wrong) {
    if (isRight) continue;
    assert.throws(() => joinRoom(place.signaling(), good, { RTCPeerConnection, ...options }), { code: 'invalid-argument', message: new RegExp(name) }, name);
  }
  assert.throws(() => joinRoom(place.signaling(), good, { RTCPeerConnection, name: 'ü'.repeat(600) }), { code: 'too-large' });
  await assert.rejects(place.create({ code: true }), { code: 'invalid-argument', message: /code/ });
  const a = await place.create();
  assert.throws(() => a.send([]), { code: 'invalid-argument' });
});

test('an invite is read from links of any form', () => {
  const invite = parts.drawInvite();
  const text = parts.formatInvite(invite);
  assert.match(text, /^[A-Za-z0-9_.-]+$/);
  const { room, key } = invite;
  const links = [
    text, `  ${text}\n`, `https://example.org/#${text}`, `https://example.org/app?x=1#${text}`, `https://example.org/join/${text}`,
    `https://example.org/#invite=${text}`, `https://example.org/#room=${room}&key=${key}`, `#${text}`, `https://example.org/?y#a=b&to=${text}`,
  ];
  for (const link of links) assert.deepEqual(parts.parseInvite(link), invite, link);
  assert.deepEqual(parts.parseInvite(' 7 Crossover—Clockwork '), { code: '7-crossover-clockwork', nameplate: 7 });
});

test('messages of a room with invalid fields are dropped', () => {
  const { parseRoomMessage, toRoomMessage } = parts;
  const [from, to] = ['0123456789abcdef', 'fedcba9876543210'];
  for (const message of [
    { kind: 'here', from, asks: true }, { kind: 'here', from, to, asks: false }, { kind: 'full', from, to }, { kind: 'bye', from },
    { kind: 'pair', from, to, body: { type: 'hello' } },
  ]) {
    assert.deepEqual(parseRoomMessage({ ...toRoomMessage(message), more: 1 }), message);
  }
  for (const raw of [
    null, 7, [], {}, { millrace: 1, room: 1 }, { millrace: 1, kind: 'bye', from }, toRoomMessage({ kind: 'bye', from: 'x' }),
    toRoomMessage({ kind: 'bye', from: 'F'.repeat(16) }), toRoomMessage({ kind: 'full', from }), toRoomMessage({ kind: 'pair', from, to, body: 'x' }),
    toRoomMessage({ kind: 'here', from, to: 5 }), toRoomMessage({ kind: 'other', from, to }),
  ]) {
    assert.equal(parseRoomMessage(raw), undefined, JSON.stringify(raw));
  }
});

test('nobody can take the id of another member', async (t) => {
  const place = new MeetingPlace(t);
  const a = await place.create({ name: 'a' });
  const b = place.enter(a.invite, { name: 'b' });
  await Promise.all([untilNames(a, 'b'), untilNames(b, 'a')]);
  // It knows b's public key, from its own session with b, and has no private one.
  const keys = new Map();
  const own = await parts.claimIdentity('another room');
  stranger(t, place, a.invite, (session) => {
    session.onnote = ({ type, key }) => {
      if (type !== 'hello') return;
      keys.set(session, key);
      for (const [other, known] of keys) {
        if (other === session) continue;
        for (const [to, claimed] of [[session, known], [other, key]]) {
          to.sendNote({ type: 'hello', key: claimed, rank: 0, name: 'thief', data: null });
          void own.sign('anything').then((signature) => to.sendNote({ type: 'proof', signature }));
        }
      }
    };
  });
  for (const side of [a, b]) await until(() => side.log.includes('error authentication-failed'), () => side.log.join(', '));
  assert.deepEqual([a, b].map(({ peers }) => peers.size), [1, 1]);
  assert.equal(byName(a, 'b').state, 'connected');
  assert.ok(![a, b].some(({ log }) => log.includes('+thief')));
});

test('a proof that was made for one session is worth nothing in another', async (t) => {
  const place = new MeetingPlace(t);
  const a = await place.create({ name: 'a' });
  const b = place.enter(a.invite, { name: 'b' });
  await Promise.all([untilNames(a, 'b'), untilNames(b, 'a')]);
  await b.leave();
  const again = place.enter(a.invite, { name: 'b' });
  await untilNames(a, 'b');
  // A member in between passes every note on, in both directions.
  const sessions = [];
  const notes = [[], []];
  stranger(t, place, a.invite, (session) => {
    const index = sessions.push(session) - 1;
    if (index > 1) return;
    session.onnote = (note) => {
      notes[index].push(note);
      if (sessions.length >= 2) for (const [from, waiting] of notes.entries()) for (const each of waiting.splice(0)) sessions[1 - from].sendNote(each);
    };
  });
  for (const side of [a, again]) await until(() => side.log.includes('error authentication-failed'), () => side.log.join(', '));
  assert.deepEqual([a.peers.size, again.peers.size], [1, 1]);
});

test('members that send nonsense, too much, or nothing are shut out, and the others talk on', async (t) => {
  const place = new MeetingPlace(t);
  const a = await place.create({ name: 'a' });
  const b = place.enter(a.invite, { name: 'b' });
  await Promise.all([untilNames(a, 'b'), untilNames(b, 'a')]);
  const identity = await parts.claimIdentity('some room');
  const hello = { type: 'hello', key: identity.publicKey, rank: 1, name: 'h', data: null };
  const harms = [
    { ...hello, name: 'x'.repeat(2_000) }, { ...hello, name: 7 }, { ...hello, data: undefined }, { ...hello, key: 'x' }, { ...hello, rank: 'x' },
    { ...hello, data: 'x'.repeat(1_100) }, { type: 'verdict', verdict: 'welcome' }, {},
  ];
  for (const harm of harms) {
    let session;
    const { meeting } = stranger(t, place, a.invite, (opened) => {
      session = opened;
      session.sendNote(harm);
    });
    await until(() => session?.state === 'closed', () => `still there after ${JSON.stringify(harm).slice(0, 80)}`);
    await meeting.close(new Error('enough'));
  }
  stranger(t, place, a.invite, (session) => {
    const flood = setInterval(() => {
      for (let count = 0; count < 50; count += 1) session.sendNote({ type: 'ping', count });
    }, 20);
    session.addEventListener('statechange', () => session.state === 'closed' && clearInterval(flood));
  });
  b.onoffer = accept;
  for (let count = 0; count < 5; count += 1) assert.equal((await a.send(bytes).done).size, 1);
  assert.deepEqual([a.peers.size, b.peers.size, a.state], [1, 1, 'connected']);
});

test('a signalling that invents members, goodbyes and refusals ends no session and keeps nobody out for long', async (t) => {
  const place = new MeetingPlace(t);
  const a = await place.create({ name: 'a' });
  const b = place.enter(a.invite, { name: 'b' });
  await Promise.all([untilNames(a, 'b'), untilNames(b, 'a')]);
  const addresses = [...new Set(place.log.map(({ from }) => from))];
  let count = 0;
  const lies = setInterval(() => {
    for (let index = 0; index < 20; index += 1) {
      count += 1;
      place.inject({ millrace: 1, room: 1, kind: 'here', from: count.toString(16).padStart(16, '0'), asks: true });
    }
    for (const from of addresses) {
      place.inject({ millrace: 1, room: 1, kind: 'bye', from });
      for (const to of addresses) place.inject({ millrace: 1, room: 1, kind: 'full', from, to });
    }
    place.inject({ millrace: 1, type: 'left' });
  }, 50);
  await wait(4_000);
  assert.deepEqual([a.peers.size, b.peers.size, a.state, b.state], [1, 1, 'connected', 'connected']);
  b.onoffer = accept;
  assert.equal((await a.send(bytes).done).size, 1);
  clearInterval(lies);
  const c = place.enter(a.invite, { name: 'c' });
  await untilNames(c, 'a', 'b');
});
