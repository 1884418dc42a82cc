// Signalling over a data channel of the application, with a channel that does what a test says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundle } from './support/web_module.mjs';

const { channelSignaling } = await bundle(`export { channelSignaling } from './signaling/channel.ts';`);

class Channel extends EventTarget {
  sent = [];

  constructor(readyState = 'open') {
    super();
    this.readyState = readyState;
  }

  send(text) {
    if (this.readyState !== 'open') throw new Error('not open');
    this.sent.push(text);
  }

  become(readyState) {
    this.readyState = readyState;
    this.dispatchEvent(new Event(readyState === 'open' ? 'open' : 'close'));
  }

  hear(data) {
    this.dispatchEvent(Object.assign(new Event('message'), { data }));
  }
}

/** What the signalling tells. */
function heardBy(signaling) {
  const heard = { messages: [], errors: [], opened: [] };
  signaling.onmessage = (message) => heard.messages.push(message);
  signaling.onerror = ({ code, explanation }) => heard.errors.push([code, explanation]);
  signaling.onopen = (again) => heard.opened.push(again);
  return heard;
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

for (const state of ['open', 'connecting']) {
  test(`messages cross a channel that is ${state}, and texts of the application are left alone`, async () => {
    const channel = new Channel(state);
    const signaling = channelSignaling(channel);
    const heard = heardBy(signaling);
    signaling.send({ millrace: 1, n: 1 });
    await settled();
    assert.equal(channel.sent.length, state === 'open' ? 1 : 0);
    if (state === 'connecting') channel.become('open');
    signaling.send({ millrace: 1, n: 2 });
    assert.deepEqual(channel.sent.map((text) => JSON.parse(text).n), [1, 2]);
    for (const data of ['{"millrace":1,"n":3}', 'no JSON', new ArrayBuffer(8), '{', 'x'.repeat(70_000)]) channel.hear(data);
    assert.deepEqual(heard, { messages: [{ millrace: 1, n: 3 }], errors: [], opened: [false] });
    signaling.close();
    assert.equal(JSON.parse(channel.sent.at(-1)).type, 'left');
    assert.equal(channel.readyState, 'open', 'the channel is the application’s');
    channel.hear('{"millrace":1,"n":4}');
    channel.become('closed');
    assert.equal(heard.messages.length + heard.errors.length, 1);
  });
}

test('a channel that is closed, closes, or cannot send has failed', async () => {
  const closed = heardBy(channelSignaling(new Channel('closed')));
  await settled();
  assert.deepEqual(closed.errors, [['signaling-failed', 'the channel is closed']]);
  const channel = new Channel();
  const signaling = channelSignaling(channel);
  const closes = heardBy(signaling);
  await settled();
  channel.become('closing');
  assert.deepEqual(closes.errors, [['signaling-failed', 'the channel closed']]);
  signaling.reopen();
  await settled();
  assert.equal(closes.errors.length, 2, 'it is asked again, and says so again');
  signaling.close();
  const full = new Channel();
  const cannot = channelSignaling(full);
  const sends = heardBy(cannot);
  await settled();
  full.send = () => {
    throw new DOMException('the buffer is full', 'OperationError');
  };
  cannot.send({ millrace: 1 });
  assert.equal(sends.errors[0]?.[0], 'signaling-failed');
  cannot.close();
});

test('what is no channel is an invalid-argument at once', () => {
  for (const wrong of [undefined, null, 7, 'channel', {}, [], () => {}, new EventTarget(), { send: () => {} }, { send: 1, addEventListener: () => {}, readyState: 'open' }]) {
    assert.throws(() => channelSignaling(wrong), { code: 'invalid-argument' });
  }
});
