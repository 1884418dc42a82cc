// The in-band signalling of lanes: descriptions told by their differences, and what comes together in one message.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundle } from './support/web_module.mjs';

const { LaneMessages, LaneSignals, linesUnlike, sdpOf } = await bundle(`
  export { LaneMessages } from './rtc/lane_messages.ts';
  export { LaneSignals } from './rtc/lane_signal.ts';
  export { linesUnlike, sdpOf } from './rtc/sdp_lines.ts';
`);

/** What Chromium says of a lane, as far as lanes differ. */
const sdp = (lane) =>
  ['v=0', `o=- ${lane}000 2 IN IP4 127.0.0.1`, 's=-', 't=0 0', `a=ice-ufrag:u${lane}`, `a=ice-pwd:p${lane}`, 'a=ice-options:trickle', `a=fingerprint:sha-256 ${lane}`, 'a=setup:actpass', ''].join('\r\n');
const description = (lane, kind = 'offer') => ({ type: 'description', kind, sdp: sdp(lane) });
const said = (candidate) => ({ type: 'candidate', candidate, sdpMid: '0', sdpMLineIndex: 0 });
const heard = (candidate) => ({ type: 'candidate', candidate, sdpMid: null, sdpMLineIndex: 0 });
const host = 'candidate:1 1 udp 2113937151 192.0.2.2 48585 typ host';

test('a description is told by the lines in which it differs from another one', () => {
  assert.deepEqual(linesUnlike(sdp(6), sdp(5)), [1, 'o=- 6000 2 IN IP4 127.0.0.1', 2, 'a=ice-ufrag:u6', 'a=ice-pwd:p6', 1, 'a=fingerprint:sha-256 6', 2]);
  for (const [one, other] of [['', ''], ['', sdp(1)], [sdp(1), ''], [sdp(1), sdp(1)], [`${sdp(1)}a=more\r\n`, sdp(1)], [sdp(1).slice(0, 40), sdp(1)], ['a\r\n1\r\n2', 'a\r\nb\r\n2']]) {
    assert.equal(sdpOf(JSON.parse(JSON.stringify(linesUnlike(one, other))), other, 10_000), one);
  }
});

test('what is no list of lines and counts, or is too long, is no description', () => {
  const base = sdp(5);
  const lines = base.split('\r\n').length;
  for (const wrong of [undefined, null, 'v=0', {}, 7, [0], [-1], [1.5], [lines + 1], [lines, 1], [1e9], [Infinity], [null], [['v=0']], [{}], [true]]) {
    assert.equal(sdpOf(wrong, base, 10_000), undefined, JSON.stringify(wrong));
  }
  assert.equal(sdpOf([lines], base, 10_000), base);
  const length = base.length + 2;
  assert.equal(sdpOf([lines], base, length), base);
  assert.equal(sdpOf([lines], base, length - 1), undefined);
  assert.equal(sdpOf(['x'.repeat(100)], base, 101), undefined);
});

test('signals arrive as they were sent, and later descriptions are short', () => {
  const one = new LaneSignals();
  const other = new LaneSignals();
  const lengths = [];
  for (const lane of [5, 6, 7]) {
    const text = one.write({ lane, type: 'say', messages: [description(lane), said(`${host} generation 0 ufrag u5 network-cost 999`)] });
    lengths.push(text.length);
    assert.deepEqual(other.read(text), { lane, type: 'say', messages: [description(lane), heard(host)] });
  }
  assert.ok(lengths[1] < lengths[0] - 20, `${lengths}`);
  const signals = [
    { lane: 7, type: 'say', messages: [said(host)] },
    { lane: 6, type: 'lost', full: true },
    { lane: 0, type: 'replace' },
    { lane: 0, type: 'want', count: 3 },
  ];
  for (const signal of signals) assert.equal(other.read(one.write(signal))?.type, signal.type);
  one.forgetSaid();
  assert.deepEqual(new LaneSignals().read(one.write({ lane: 8, type: 'say', messages: [description(8)] }))?.messages, [description(8)]);
});

test('a description whose base this side does not know is ignored, and the next whole one is taken', () => {
  const one = new LaneSignals();
  const other = new LaneSignals();
  one.write({ lane: 5, type: 'say', messages: [description(5)] });
  assert.equal(other.read(one.write({ lane: 6, type: 'say', messages: [description(6)] })), undefined);
  one.reset();
  other.reset();
  assert.deepEqual(other.read(one.write({ lane: 7, type: 'say', messages: [description(7)] }))?.messages, [description(7)]);
});

test('whatever else the other side sends is no signal', () => {
  const whole = { lane: 5, type: 'say', kind: 'offer', sdp: sdp(5), candidates: [host] };
  const wrong = [
    ...['', '{', 'null', '7', '[]', '{}', '"say"'],
    ...[{ lane: 0 }, { lane: -1 }, { lane: 1.5 }, { lane: 65_536 }, { lane: '5' }, { type: 'description' }, { type: 'toString' }, { kind: 'rollback' }, { kind: 7 }, { sdp: [1] }, { sdp: 7 }]
      .map((change) => JSON.stringify({ ...whole, ...change })),
    ...[{ candidates: {} }, { candidates: [7] }, { candidates: ['x'.repeat(2_049)] }, { candidates: Array(65).fill(host) }, { sdp: 'x'.repeat(49_153) }]
      .map((change) => JSON.stringify({ ...whole, ...change })),
  ];
  const signals = new LaneSignals();
  for (const text of wrong) assert.equal(signals.read(text), undefined, text.slice(0, 80));
  assert.ok(signals.read(JSON.stringify(whole)));
  assert.throws(() => signals.write({ lane: 5, type: 'say', messages: [{ ...description(5), sdp: 'x'.repeat(16_000) }] }), { code: 'too-large' });
});

test('a description waits for the candidates that come with it, and later ones for each other', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const told = [];
  const failed = [];
  const messages = new LaneMessages(
    (text) => {
      const { lane, kind, candidates = [] } = JSON.parse(text);
      told.push([lane, candidates.length + (kind ? 1 : 0)]);
    },
    (lane, { code }) => failed.push([lane, code]),
  );
  messages.say(5, description(5));
  messages.say(6, description(6));
  messages.say(5, said(host));
  context.mock.timers.tick(19);
  assert.deepEqual(told, []);
  context.mock.timers.tick(1);
  assert.deepEqual(told.splice(0), [[5, 2], [6, 1]]);
  messages.say(5, said(host));
  messages.say(5, said(''));
  assert.deepEqual(told.splice(0), [[5, 1]], 'after the last candidate nothing waits');
  messages.say(5, said(''));
  messages.say(6, said(host));
  messages.forget(6, false);
  context.mock.timers.tick(100);
  assert.deepEqual(told, [], 'nothing is said of a lane that is gone');
  for (let count = 0; count < 33; count += 1) messages.say(7, said(host));
  assert.deepEqual(told, [[7, 32]]);
  messages.say(8, { ...description(8), sdp: 'x'.repeat(16_000) });
  context.mock.timers.tick(20);
  assert.deepEqual(failed, [[8, 'too-large']]);
});
