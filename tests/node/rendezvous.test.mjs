import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundle } from './support/web_module.mjs';
import { quiet, Room } from './support/room.mjs';

const { pair } = await bundle("export { pair } from './signaling/rendezvous.ts';");

function endless() {
  return new AbortController().signal;
}

function description(sdp) {
  return { type: 'description', kind: 'offer', sdp, link: 0 };
}

test('two sides pair in any order of arrival, with opposite roles', async () => {
  const roles = new Set();
  for (let round = 0; round < 24; round += 1) {
    const room = new Room();
    const members = [room.join(), room.join()];
    const first = pair(members[0], endless());
    if (round % 2) await quiet(room);
    const [a, b] = await Promise.all([first, pair(members[1], endless())]);
    assert.notEqual(a.initiator, b.initiator);
    if (round % 2) assert.equal(b.initiator, true, 'a side that waits asks the one that comes');
    else roles.add(a.initiator);
    await quiet(room);
    assert.equal(room.log.filter(({ type }) => type === 'paired').length, 1);
  }
  // Where both come at once, roles follow from random ids: enough rounds to see both.
  assert.deepEqual([...roles].sort(), [false, true]);
});

test('a side that comes to one that waits is paired after one message of each, and makes its description then', async () => {
  const room = new Room();
  const waiting = pair(room.join(), endless());
  await quiet(room);
  const coming = await pair(room.join(), endless());
  assert.equal(coming.initiator, true);
  coming.send(description('at once'));
  assert.deepEqual(room.log.map(({ type }) => type), ['hello', 'hello', 'pair', 'paired', 'description']);
  const heard = [];
  (await waiting).onmessage = (message) => heard.push(message.sdp);
  await quiet(room);
  assert.deepEqual(heard, ['at once']);
});

test('the description of a side whose agreement was lost is as good', async () => {
  const room = new Room();
  const waiting = pair(room.join(), endless());
  await quiet(room);
  room.lose = ({ type }) => type === 'paired';
  const coming = await pair(room.join(), endless());
  coming.send(description('agreed'));
  const heard = [];
  const staying = await waiting;
  staying.onmessage = (message) => heard.push(message.sdp);
  assert.deepEqual([staying.initiator, heard], [false, ['agreed']]);
});

test('a side that is asked again was not heard: it is asked for what it said about the connection, too', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const room = new Room();
  const waiting = pair(room.join(), endless());
  await quiet(room);
  room.lose = ({ type }) => type === 'paired' || type === 'description';
  const coming = await pair(room.join(), endless());
  const heard = [];
  coming.onmessage = (message) => heard.push(message);
  coming.send(description('lost'));
  await quiet(room);
  room.lose = () => false;
  context.mock.timers.tick(1_000);
  await quiet(room);
  assert.deepEqual(heard, [{ type: 'repeat', link: 0 }]);
  await waiting;
});

test('three sides that ask each other in a circle pair nevertheless', async () => {
  for (let round = 0; round < 12; round += 1) {
    const room = new Room();
    const members = [room.join(), room.join(), room.join()];
    // Each hears the next one first.
    const held = new Map(members.map((member) => [member, []]));
    const ids = new Map();
    for (const [index, member] of members.entries()) {
      const { send } = member;
      member.send = (message) => {
        ids.set(message.from, index);
        send(message);
      };
      let listener = null;
      Object.defineProperty(member, 'onmessage', {
        get: () => (message) => {
          const early = held.get(member);
          if (early === undefined) return listener?.(message);
          early.push(message);
          if (early.length < 2) return undefined;
          held.delete(member);
          early.sort((one) => (ids.get(one.from) === (index + 1) % 3 ? -1 : 1));
          for (const each of early) listener?.(each);
          return undefined;
        },
        set(value) {
          listener = value;
        },
      });
    }
    let paired = 0;
    for (const member of members) void pair(member, endless()).then(() => (paired += 1));
    await quiet(room);
    assert.deepEqual(room.log.slice(0, 6).map(({ type }) => type).sort(), ['hello', 'hello', 'hello', 'pair', 'pair', 'pair']);
    assert.equal(paired, 2);
    assert.ok(room.log.length < 40, `${room.log.length} messages`);
  }
});

test('paired sides get each other\'s messages, including those from before they listened', async () => {
  const room = new Room();
  const [a, b] = await Promise.all([pair(room.join(), endless()), pair(room.join(), endless())]);
  a.send(description('early'));
  await quiet(room);
  const heard = [];
  b.onmessage = (message) => heard.push(message.sdp);
  a.send(description('late'));
  await quiet(room);
  assert.deepEqual(heard, ['early', 'late']);
});

test('of three sides exactly two pair, and the third pairs with the next side', async () => {
  for (let round = 0; round < 12; round += 1) {
    const room = new Room();
    const paired = [];
    for (let index = 0; index < 3; index += 1) void pair(room.join(), endless()).then(() => paired.push(index));
    await quiet(room);
    assert.equal(paired.length, 2);
    void pair(room.join(), endless()).then(() => paired.push(3));
    await quiet(room);
    assert.equal(paired.length, 4);
  }
});

test('a paired side ignores what others send in its peer\'s place', async () => {
  const room = new Room();
  const [a, b] = await Promise.all([pair(room.join(), endless()), pair(room.join(), endless())]);
  const heard = [];
  b.onmessage = (message) => heard.push(message.sdp);
  const { from, to } = room.log.find((message) => message.type === 'paired');
  const target = a.initiator ? from : to;
  room.inject({ millrace: 1, from: 'stranger', to: target, ...description('forged') });
  room.inject({ millrace: 1, from: 'stranger', ...description('to everybody') });
  a.send(description('honest'));
  await quiet(room);
  assert.deepEqual(heard, ['honest']);
});

test('malformed messages are ignored, and pairing still works', async () => {
  const room = new Room();
  const first = pair(room.join(), endless());
  const malformed = [
    null, undefined, 0, 'hello', [], {}, { millrace: 1 }, { millrace: 2, from: 'x', type: 'hello' },
    { millrace: 1, from: 7, type: 'hello' }, { millrace: 1, from: '', type: 'hello' },
    { millrace: 1, from: 'x'.repeat(65), type: 'hello' }, { millrace: 1, from: 'x', to: {}, type: 'hello' },
    { millrace: 1, from: 'x', type: 'pair' }, { millrace: 1, from: 'x', type: 'nonsense' },
    { millrace: 1, from: 'x', type: 'description', kind: 'offer', sdp: 'v=0' },
    { from: 'x', get type() { throw new Error('never read before from is checked'); }, millrace: 3 },
  ];
  for (const message of malformed) room.inject(message);
  const second = pair(room.join(), endless());
  const [a, b] = await Promise.all([first, second]);
  assert.notEqual(a.initiator, b.initiator);
});

test('messages are rebuilt from their valid fields', async () => {
  const room = new Room();
  const [a, b] = await Promise.all([pair(room.join(), endless()), pair(room.join(), endless())]);
  const heard = [];
  b.onmessage = (message) => heard.push(message);
  a.send({ type: 'description', kind: 'rollback', sdp: '', link: 0 });
  a.send({ type: 'description', kind: 'offer', sdp: 'x'.repeat(64 * 1024), link: 0 });
  a.send({ type: 'description', kind: 'offer', sdp: 'v=0' });
  a.send({ type: 'candidate', candidate: 'c'.repeat(4096), link: 0 });
  a.send({ type: 'candidate', candidate: 'c', sdpMid: 5, sdpMLineIndex: 'x', link: 2, extra: { deep: [] } });
  for (const link of [-1, 0.5, '1', null, 2 ** 60, undefined]) a.send({ type: 'renew', link });
  a.send({ type: 'restart', link: 1, kind: 'offer' });
  a.send({ type: 'ping', link: 1 });
  await quiet(room);
  assert.deepEqual(heard, [
    { type: 'candidate', candidate: 'c', sdpMid: null, sdpMLineIndex: null, link: 2 },
    { type: 'restart', link: 1 },
    { type: 'ping' },
  ]);
});

test('paired sides learn that a member came into the room or left it', async () => {
  const room = new Room();
  const pairings = await Promise.all([pair(room.join(), endless()), pair(room.join(), endless())]);
  const doubts = [0, 0];
  pairings.forEach((pairing, index) => (pairing.ondoubt = () => (doubts[index] += 1)));
  let third;
  void pair(room.join(), endless()).then((pairing) => (third = pairing));
  await quiet(room);
  assert.equal(third, undefined);
  assert.ok(doubts.every((count) => count >= 1));
  const before = [...doubts];
  room.inject({ millrace: 1, type: 'left' });
  assert.deepEqual(doubts, before.map((count) => count + 1));
});

test('a side learns that the other side leaves', async () => {
  const room = new Room();
  const [a, b] = await Promise.all([pair(room.join(), endless()), pair(room.join(), endless())]);
  a.sayBye();
  await quiet(room);
  let left = 0;
  b.onbye = () => (left += 1);
  assert.equal(left, 1);
});

test('a doubt from before a listener was set is not lost', async () => {
  const room = new Room();
  const [a] = await Promise.all([pair(room.join(), endless()), pair(room.join(), endless())]);
  room.inject({ millrace: 1, type: 'left' });
  let doubts = 0;
  a.ondoubt = () => (doubts += 1);
  assert.equal(doubts, 1);
});

test('an abort rejects with its reason and stops listening', async () => {
  const room = new Room();
  const member = room.join();
  const controller = new AbortController();
  const waiting = pair(member, controller.signal);
  const reason = new Error('enough');
  controller.abort(reason);
  await assert.rejects(waiting, (error) => error === reason);
  assert.equal(member.onmessage, null);
  await assert.rejects(pair(member, controller.signal), (error) => error === reason);
});

test('a side whose question gets no answer is free for the next side after a while', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const room = new Room();
  const waiting = pair(room.join(), endless());
  // The highest id there is: the other side has to ask, and nobody answers.
  room.inject({ millrace: 1, from: 'z'.repeat(64), type: 'hello' });
  await quiet(room);
  assert.equal(room.log.at(-1).type, 'pair');
  // Asked again each second, and given up after the fifth.
  for (let second = 0; second < 5; second += 1) context.mock.timers.tick(1_000);
  assert.equal(room.log.filter(({ type }) => type === 'pair').length, 5);
  assert.equal(room.log.at(-1).type, 'hello');
  const [a, b] = await Promise.all([waiting, pair(room.join(), endless())]);
  assert.notEqual(a.initiator, b.initiator);
});

test('a lost message of the pairing is sent again', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  // How many messages of a type get lost one after the other. After five questions without an answer, the asking side starts over.
  for (const [type, count] of [['pair', 1], ['pair', 4], ['paired', 1], ['paired', 4], ['paired', 5], ['paired', 7]]) {
    const room = new Room();
    let left = count;
    const lossy = () => {
      const member = room.join();
      const { send } = member;
      member.send = (message) => {
        if (message.type === type && (left -= 1) >= 0) return;
        send(message);
      };
      return member;
    };
    const pairing = Promise.all([pair(lossy(), endless()), pair(lossy(), endless())]);
    let paired = false;
    void pairing.then(() => (paired = true));
    for (let seconds = 0; seconds <= count; seconds += 1) {
      await quiet(room);
      assert.equal(paired, seconds === count, `${count} times ${type}, after ${seconds} s`);
      context.mock.timers.tick(1_000);
    }
    const [a, b] = await pairing;
    assert.notEqual(a.initiator, b.initiator);
    // Both hear each other, and neither goes on asking or greeting.
    const heard = [];
    for (const side of [a, b]) side.onmessage = (message) => heard.push(message.sdp);
    for (const side of [a, b]) side.send(description('x'));
    context.mock.timers.tick(60_000);
    await quiet(room);
    assert.deepEqual(heard, ['x', 'x']);
    assert.ok(room.log.length < 40, `${room.log.length} messages`);
  }
});

test('a side whose way to the room was replaced greets again, and pairs with a side whose greeting was lost', async () => {
  const room = new Room();
  const deaf = room.join();
  const waiting = pair(deaf, endless());
  // Its way to the room is dead.
  room.members.delete(deaf);
  const coming = pair(room.join(), endless());
  await quiet(room);
  room.members.add(deaf);
  // At first it is open: the greeting was sent by then.
  deaf.onopen(false);
  await quiet(room);
  assert.equal(room.log.filter(({ type }) => type === 'hello').length, 2);
  deaf.onopen(true);
  const [a, b] = await Promise.all([waiting, coming]);
  assert.notEqual(a.initiator, b.initiator);
  // The pairing hears of the next time.
  let reopened = 0;
  a.onreopened = () => (reopened += 1);
  deaf.onopen(true);
  await quiet(room);
  assert.equal(reopened, 1);
  a.close();
  assert.equal(deaf.onopen, null);
});

test('a lost `paired` is answered again after the asking side has given up', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const room = new Room();
  // The way of the side that agrees is dead from this message on, for six seconds.
  let dead;
  room.lose = ({ type, from }) => {
    if (type === 'paired') dead ??= from;
    return from === dead;
  };
  const members = [room.join(), room.join()];
  for (const member of members) {
    const { send } = member;
    member.send = (message) => {
      member.id = message.from;
      send(message);
    };
  }
  const pairing = Promise.all(members.map((member) => pair(member, endless())));
  await quiet(room);
  const silent = members.find(({ id }) => id === dead);
  room.members.delete(silent);
  for (let second = 0; second < 6; second += 1) {
    context.mock.timers.tick(1_000);
    await quiet(room);
  }
  assert.equal(room.log.filter(({ type, from }) => type === 'pair' && from !== dead).length, 5);
  room.members.add(silent);
  room.lose = () => false;
  silent.onopen(true);
  const [a, b] = await pairing;
  assert.notEqual(a.initiator, b.initiator);
});

test('a paired side that returns to the room finds out that the page of the other side has begun a new attempt', async () => {
  const room = new Room();
  const members = [room.join(), room.join()];
  const [staying] = await Promise.all(members.map((member) => pair(member, endless())));
  let doubts = 0;
  staying.ondoubt = () => (doubts += 1);
  members[1].close();
  room.members.delete(members[0]);
  void pair(room.join(), endless());
  await quiet(room);
  room.members.add(members[0]);
  assert.equal(doubts, 0);
  members[0].onopen(true);
  await quiet(room);
  // It depends on the ids whether the newcomer also asks, and greets again when it is refused.
  assert.ok(doubts >= 1);
});

test('a side that gets no answer to its question checks its own way to the room', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const room = new Room();
  const member = room.join();
  let checks = 0;
  member.reopen = () => (checks += 1);
  void pair(member, endless());
  room.inject({ millrace: 1, from: 'z'.repeat(64), type: 'hello' });
  for (let second = 0; second <= 5; second += 1) {
    await quiet(room);
    assert.equal(checks, second < 2 ? 0 : 1, `after ${second} s`);
    context.mock.timers.tick(1_000);
  }
});

test('a side that is not asked by one that should ask checks its own way to the room', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const room = new Room();
  const member = room.join();
  let checks = 0;
  member.reopen = () => (checks += 1);
  const waiting = pair(member, endless());
  // It asks the first side that it hears, whatever its id is; that one is taken.
  room.inject({ millrace: 1, from: 'z', type: 'hello' });
  room.inject({ millrace: 1, from: 'z', to: room.log[0].from, type: 'busy' });
  // The lowest id there is: that side has to ask.
  const hello = { millrace: 1, from: '!', type: 'hello' };
  for (let greeting = 0; greeting < 3; greeting += 1) room.inject(hello);
  context.mock.timers.tick(1_999);
  assert.equal(checks, 0);
  context.mock.timers.tick(1);
  assert.equal(checks, 1);
  room.inject(hello);
  room.inject({ millrace: 1, from: '!', to: room.log[0].from, type: 'pair' });
  await waiting;
  context.mock.timers.tick(60_000);
  assert.equal(checks, 1);
});

test('an answer that comes after the asking side has given up counts, unless it asks another side', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  for (const busy of [false, true]) {
    const room = new Room();
    const controller = new AbortController();
    const waiting = pair(room.join(), controller.signal);
    const [late, other] = ['y'.repeat(64), 'z'.repeat(64)];
    room.inject({ millrace: 1, from: late, type: 'hello' });
    for (let second = 0; second < 5; second += 1) context.mock.timers.tick(1_000);
    if (busy) room.inject({ millrace: 1, from: other, type: 'hello' });
    room.inject({ millrace: 1, from: late, to: room.log[0].from, type: 'paired' });
    await quiet(room);
    assert.equal(room.log.at(-1).type, busy ? 'bye' : 'hello');
    if (!busy) assert.equal((await waiting).initiator, false);
    waiting.catch(() => {});
    controller.abort();
  }
});

test('a signalling that throws rejects with signaling-failed', async () => {
  const broken = {
    onmessage: null,
    send() {
      throw new Error('no way out');
    },
  };
  await assert.rejects(pair(broken, endless()), { name: 'MillraceError', code: 'signaling-failed' });
});
