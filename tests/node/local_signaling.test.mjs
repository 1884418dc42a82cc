// Signalling without a server: between two tabs, and by texts that people carry.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { bundle } from './support/web_module.mjs';

const { broadcastSignaling, manualSignaling, packText, pair, unpackText } = await bundle(`
  export { broadcastSignaling } from './signaling/broadcast.ts';
  export { manualSignaling } from './signaling/manual.ts';
  export { packText, unpackText } from './signaling/pack.ts';
  export { pair } from './signaling/rendezvous.ts';
`);
const never = new AbortController().signal;

function description(kind, sdp = 'v=0') {
  return { type: 'description', kind, sdp, link: 0 };
}

function candidate(text) {
  return { type: 'candidate', candidate: text, sdpMid: '0', sdpMLineIndex: 0, link: 0 };
}

const pack = (value) => packText(typeof value === 'string' ? value : JSON.stringify(value));

test('two tabs pair, and notice at once when the other is gone', async () => {
  const [a, b] = [broadcastSignaling('tabs'), broadcastSignaling('tabs')];
  const other = broadcastSignaling('other tabs');
  other.onmessage = () => assert.fail('another room');
  const [first, second] = await Promise.all([pair(a, never), pair(b, never)]);
  assert.notEqual(first.initiator, second.initiator);
  const doubted = new Promise((resolve) => (first.ondoubt = resolve));
  b.close();
  await doubted;
  b.send({ after: 'the end' });
  for (const side of [a, other]) side.close();
});

test('messages of other tabs are accepted as JSON text only', async () => {
  const signaling = broadcastSignaling('hostile');
  const channel = new BroadcastChannel('millrace-hostile');
  const heard = [];
  signaling.onmessage = (message) => heard.push(message);
  for (const data of [{ millrace: 1 }, 7, null, '{', `"${'x'.repeat(70_000)}"`, new Uint8Array(3), '{"good":1}']) channel.postMessage(data);
  for (const deadline = Date.now() + 2000; heard.length === 0 && Date.now() < deadline; ) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(heard, [{ good: 1 }]);
  assert.throws(() => signaling.send({ text: 'x'.repeat(70_000) }), { code: 'too-large' });
  assert.throws(() => signaling.send({ n: 1n }), { code: 'invalid-argument' });
  channel.close();
  signaling.close();
});

test('two texts carry everything: an offer one way, an answer the other way', async () => {
  for (let round = 0; round < 16; round += 1) {
    const inviting = manualSignaling();
    const a = await pair(inviting, never);
    assert.equal(a.initiator, true);
    a.send(description('offer', 'offered'));
    a.send(candidate('one'));
    a.send(candidate('two'));
    a.send(candidate(''));
    const invitation = await inviting.text;
    assert.match(invitation, /^millrace1\.[A-Za-z0-9_-]+$/);

    const answering = manualSignaling(` ${invitation.slice(0, 40)}\r\n${invitation.slice(40)}\n`);
    const b = await pair(answering, never);
    assert.equal(b.initiator, false);
    const toB = [];
    await new Promise((resolve) => {
      b.onmessage = (message) => toB.push(message) === 3 && resolve();
    });
    assert.deepEqual(toB, [description('offer', 'offered'), candidate('one'), candidate('two')]);
    b.send(description('answer', 'answered'));
    b.send(candidate('three'));
    b.send(candidate(''));

    const toA = [];
    const complete = new Promise((resolve) => {
      a.onmessage = (message) => toA.push(message) === 2 && resolve();
    });
    await inviting.answer(await answering.text);
    await complete;
    assert.deepEqual(toA, [description('answer', 'answered'), candidate('three')]);
    for (const side of [inviting, answering]) side.close();
  }
});

test('pasted text is checked, and a wrong text can be followed by the right one', async () => {
  // 20 MB in 20 kB.
  const bomb = `millrace1.${deflateRawSync(Buffer.alloc(20_000_000)).toString('base64url')}`;
  const wrong = [
    '', 'hello', 'millrace1.', 'millrace1.!!!!', `millrace1.${'A'.repeat(200_000)}`, 'x'.repeat(10_000_000), await pack('no json'), await pack(7),
    await pack([]), await pack([candidate('first')]), await pack([description('answer')]), await pack([{ ...description('offer'), sdp: 7 }]),
    await pack([{ ...description('offer'), sdp: 'x'.repeat(50_000) }]), (await pack([description('offer')])).slice(0, -4),
    bomb,
  ];
  for (const text of wrong) {
    const signaling = manualSignaling(text);
    const error = await new Promise((resolve) => (signaling.onerror = resolve));
    const code = text === bomb ? 'too-large' : 'invalid-argument';
    assert.equal(error.code, code, text.slice(0, 40));
    await assert.rejects(signaling.text, { code });
    signaling.close();
  }

  const inviting = manualSignaling();
  const answer = await pack([description('answer')]);
  await assert.rejects(inviting.answer(answer), { code: 'invalid-argument' });
  const a = await pair(inviting, never);
  a.send(description('offer'));
  a.send(candidate(''));
  await inviting.text;
  for (const text of [...wrong, await pack([description('offer')])]) {
    // One of the wrong invitations is an answer.
    if (text === answer) continue;
    await assert.rejects(inviting.answer(text), { code: text === bomb ? 'too-large' : 'invalid-argument' });
  }
  const heard = new Promise((resolve) => (a.onmessage = resolve));
  await inviting.answer(answer);
  assert.deepEqual(await heard, description('answer'));
  await assert.rejects(inviting.answer(answer), { code: 'invalid-argument' });
  inviting.close();
  await assert.rejects(manualSignaling(await pack([description('offer')])).answer(answer), { code: 'invalid-argument' });
});

test('extra fields and messages of a pasted text do not get through', async () => {
  const list = [{ ...description('offer'), link: 7, from: 'x', evil: 1 }, { type: 'bye' }, null, { type: 'restart', link: 0 },
    ...Array.from({ length: 500 }, (_, index) => candidate(`c${index}`))];
  const signaling = manualSignaling(await pack(list));
  const b = await pair(signaling, never);
  const heard = [];
  b.onmessage = (message) => heard.push(message);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(heard[0], description('offer'));
  assert.ok(heard.length <= 64);
  assert.ok(heard.slice(1).every(({ type }) => type === 'candidate'));
  signaling.close();
});

test('it waits for the last address, but not for ever, and closing it ends the waiting', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const signaling = manualSignaling();
  signaling.send({ millrace: 1, from: 'aa', to: 'z', ...description('offer') });
  signaling.send({ millrace: 1, from: 'aa', to: 'z', ...candidate('one') });
  let done = false;
  void signaling.text.then(() => (done = true));
  context.mock.timers.tick(9_999);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(done, false);
  context.mock.timers.tick(1);
  context.mock.timers.reset();
  assert.equal(JSON.parse(await unpackText(await signaling.text)).length, 2);

  const closed = manualSignaling();
  closed.close();
  await assert.rejects(closed.text, { code: 'signaling-failed' });
});

test('a signal gives an exchange of texts up, at once or later', async () => {
  for (const early of [true, false]) {
    const giveUp = new AbortController();
    if (early) giveUp.abort();
    const signaling = manualSignaling(undefined, { signal: giveUp.signal });
    const failed = new Promise((resolve) => (signaling.onerror = resolve));
    giveUp.abort();
    await assert.rejects(signaling.text, { code: 'aborted' });
    assert.equal((await failed).code, 'aborted');
  }
});
