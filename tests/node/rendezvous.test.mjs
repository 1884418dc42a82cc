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
  // Roles follow from random ids: enough rounds to see both.
  const roles = new Set();
  for (let round = 0; round < 24; round += 1) {
    const room = new Room();
    const first = pair(room.join(), endless());
    if (round % 2) await quiet(room);
    const second = pair(room.join(), endless());
    const [a, b] = await Promise.all([first, second]);
    assert.notEqual(a.initiator, b.initiator);
    roles.add(a.initiator);
  }
  assert.deepEqual([...roles].sort(), [false, true]);
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

test('a signalling that throws rejects with signaling-failed', async () => {
  const broken = {
    onmessage: null,
    send() {
      throw new Error('no way out');
    },
  };
  await assert.rejects(pair(broken, endless()), { name: 'MillraceError', code: 'signaling-failed' });
});
