// The parts as a page uses them: the arithmetic is the core's and tested there; here it is what the TypeScript adds.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FakeChannel, FakeConnection, parts } from './support/parts.mjs';
import { until } from './support/site.mjs';

const { Backpressure, ChunkSizer, LaneSet, QualityMonitor, TransferBenchmark, createDataChannel, detectLan } = parts;
const invalid = { name: 'MillraceError', code: 'invalid-argument' };

const metrics = (more = {}) => ({
  timestamp: 1000, bytesTransferred: 0, chunksSent: 0, chunksAcked: 0, rtt: 5, packetLoss: 0, jitter: 0, bufferLevel: 0, ...more,
});

test('the chunk size follows reports, and says so', () => {
  const updates = [];
  const sizer = new ChunkSizer({ mode: 'balanced', onUpdate: (update) => updates.push(update) });
  assert.equal(sizer.chunkSize, 65_536);
  assert.equal(sizer.reportMetrics(metrics()), true);
  assert.equal(sizer.chunkSize, 262_144);
  assert.equal(sizer.reportMetrics(metrics()), false);
  sizer.reportMetrics(metrics({ timestamp: 2000, rtt: 150 }));
  assert.equal(sizer.chunkSize, 262_144);
  sizer.reportMetrics(metrics({ timestamp: 3000, rtt: 150 }));
  assert.equal(sizer.chunkSize, 32_768);
  assert.deepEqual(updates.map(({ previous, chunkSize }) => [previous, chunkSize]), [[65_536, 262_144], [262_144, 32_768]]);
  assert.equal(updates[1].metrics.rtt, 150);
});

test('the configuration of a chunk size, and what is none', () => {
  assert.deepEqual(new ChunkSizer({ profile: 'mobile', ladder: 'strict' }).config, {
    ladder: 'strict', profile: 'mobile', mode: 'balanced', minChunkSize: 16_384, maxChunkSize: 65_536,
  });
  const sizer = new ChunkSizer({ minChunkSize: 131_072, maxChunkSize: 131_072 });
  assert.equal(sizer.chunkSize, 131_072);
  sizer.setPath({ hostPair: true });
  sizer.reportMetrics(metrics());
  assert.equal(sizer.config.profile, 'lan-ethernet');
  assert.equal(sizer.config.mode, 'aggressive');
  for (const bad of [{ ladder: 'x' }, { profile: 'x' }, { mode: 'x' }, { minChunkSize: NaN }, { maxChunkSize: -1 }]) {
    assert.throws(() => new ChunkSizer(bad), invalid);
  }
  for (const bad of [{}, metrics({ rtt: NaN }), metrics({ timestamp: 'x' }), metrics({ packetLoss: 2 })]) {
    assert.equal(sizer.reportMetrics(bad), false);
  }
  assert.throws(() => parts.profileLimits('x'), invalid);
  assert.deepEqual(parts.profileLimits('lan-wifi'), { minLanes: 3, maxLanes: 3, minChunkSize: 262_144, maxChunkSize: 1_048_576, mode: 'aggressive' });
});

test('a benchmark has every field, measures round trips when they are due, and stops', async (t) => {
  const heard = [];
  let asked = 0;
  const benchmark = new TransferBenchmark({
    sampleInterval: 20,
    rttInterval: 30,
    measureRtt: async () => ((asked += 1) > 1 ? Promise.reject(new Error('gone')) : 12),
    onStats: (stats) => heard.push(stats),
  });
  t.after(() => benchmark.stop());
  assert.equal(benchmark.stats().durationMs, 0);
  benchmark.start();
  for (let i = 0; i < 6; i += 1) {
    benchmark.recordBytes(10_000);
    benchmark.recordLossRatio(0.01);
    await sleep(20);
  }
  const stats = benchmark.stop();
  assert.deepEqual(Object.keys(stats).sort(), [
    'bottleneck', 'durationMs', 'jitter', 'lossAvg', 'lossMax', 'quality', 'recommendation', 'rttAvg', 'rttCurrent', 'rttMax', 'rttMin',
    'sampleCount', 'technicalAdvice', 'throughputAvg', 'throughputCurrent', 'throughputMin', 'throughputPeak', 'totalBytes',
  ]);
  assert.equal(stats.totalBytes, 60_000);
  assert.equal(stats.rttAvg, 12);
  assert.ok(Math.abs(stats.lossAvg - 0.01) < 1e-9);
  assert.ok(stats.quality > 0 && stats.recommendation.length > 10);
  assert.ok(heard.length >= 2, `${heard.length}`);
  const after = heard.length;
  await sleep(60);
  assert.equal(heard.length, after);
  assert.equal(benchmark.stats().durationMs, stats.durationMs);
  for (const bad of [{ sampleInterval: 1 }, { windowSize: 0 }, { rttInterval: NaN }]) assert.throws(() => new TransferBenchmark(bad), invalid);
});

test('a benchmark counts packets, and takes nothing that cannot be', async (t) => {
  const benchmark = new TransferBenchmark({ sampleInterval: 20 });
  t.after(() => benchmark.stop());
  benchmark.recordPacketsSent(1_000);
  benchmark.recordPacketLoss(1_000);
  benchmark.start();
  benchmark.recordPacketLoss(2);
  await sleep(50);
  assert.equal(benchmark.stats().lossAvg, undefined, 'lost packets wait for those that were sent, and nothing counts before the start');
  benchmark.recordPacketsSent(60);
  benchmark.recordPacketsSent(40);
  await sleep(50);
  assert.deepEqual([benchmark.stats().lossAvg, benchmark.stats().lossMax], [0.02, 0.02]);
  // A loss that is counted an interval late is no more than everything.
  benchmark.recordPacketsSent(1);
  benchmark.recordPacketLoss(5);
  const { lossMax } = benchmark.stop();
  assert.equal(lossMax, 1);
  benchmark.recordPacketLoss(5);
  assert.deepEqual(benchmark.stats().lossMax, 1);

  const noNumber = [undefined, null, '1', NaN, -1, Infinity];
  const bad = { recordBytes: noNumber, recordRtt: noNumber, recordPacketsSent: [...noNumber, 0.5], recordPacketLoss: [...noNumber, 0.5], recordLossRatio: [...noNumber, 1.01] };
  for (const [name, values] of Object.entries(bad)) for (const value of values) assert.throws(() => benchmark[name](value), invalid, `${name}(${value})`);
});

/** As Chromium has it, and as Firefox does. */
function chromiumStats({ sent = 0, received = 0, rtt = 0.02, type = 'host' } = {}) {
  return {
    t: { type: 'transport', selectedCandidatePairId: 'p' },
    p: { type: 'candidate-pair', state: 'succeeded', localCandidateId: 'l', remoteCandidateId: 'r', currentRoundTripTime: rtt, bytesSent: sent * 1000, bytesReceived: 0, packetsSent: sent, packetsReceived: received },
    l: { type: 'local-candidate', candidateType: type },
    r: { type: 'remote-candidate', candidateType: type },
  };
}
const firefoxStats = () => ({
  old: { type: 'candidate-pair', state: 'succeeded', nominated: true, selected: false, bytesSent: 1 },
  p: { type: 'candidate-pair', state: 'succeeded', nominated: true, selected: true, localCandidateId: 'l', remoteCandidateId: 'r', bytesSent: 5, bytesReceived: 6 },
  l: { type: 'local-candidate', candidateType: 'host' },
  r: { type: 'remote-candidate', candidateType: 'host' },
});

/** A monitor that also ends with a test that fails. */
function watch(t, connection, options) {
  const monitor = new QualityMonitor(connection, options);
  t.after(() => monitor.stop());
  return monitor;
}

test('a monitor tells what the browser tells, and nothing of what it does not', async (t) => {
  const connection = new FakeConnection();
  const channel = new FakeChannel('x');
  channel.bufferedAmount = 77;
  connection.stats = chromiumStats();
  const monitor = watch(t, connection, { interval: 10, channels: [channel] });
  assert.equal(monitor.latest, undefined);
  assert.equal(monitor.quality, undefined);
  await until(() => monitor.sampleCount >= 2);
  assert.equal(monitor.latest.rtt, 20);
  assert.equal(monitor.latest.bufferedAmount, 77);
  assert.equal(monitor.latest.packetLoss, undefined);
  assert.equal(monitor.latest.bytesPerSecond, 0);
  assert.equal(monitor.quality, 100);

  connection.stats = {};
  await until(() => monitor.latest.rtt === undefined && monitor.latest.bytesPerSecond === undefined);
  assert.equal(monitor.mean.rtt, 20);
  connection.getStats = () => Promise.reject(new Error('closed'));
  await sleep(30);
  monitor.stop();
  monitor.stop();
  assert.equal(monitor.latest, undefined);
  assert.equal(monitor.sampleCount, 0);
});

test('two monitors exchange packet counts: what is lost between them, and their own round trip', async (t) => {
  const [a, b] = FakeConnection.pair();
  // Of what was sent when this side asked, a tenth is lost; the rest has arrived when the other one counts.
  let [sent, arrived] = [0, 0];
  a.getStats = async () => new Map(Object.entries(chromiumStats({ sent, rtt: 9 })));
  b.getStats = async () => new Map(Object.entries(chromiumStats({ received: arrived, rtt: 9 })));
  const here = watch(t, a, {
    interval: 20,
    exchange: (message) => {
      if (message.includes('"counts"')) [sent, arrived] = [sent + 100, (sent * 9) / 10];
      setTimeout(() => there.handle(message), 5);
    },
  });
  const there = watch(t, b, { interval: 20, exchange: (message) => setTimeout(() => here.handle(message), 5) });
  await until(() => here.latest?.packetLoss !== undefined && here.mean.rtt < 9_000 && there.latest?.rtt < 9_000);
  assert.ok(Math.abs(here.latest.packetLoss - 0.1) < 1e-9, `${here.latest.packetLoss}`);
  assert.equal(there.latest.packetLoss, undefined);
  for (const bad of ['', '{', 'null', '{"millrace":"counts"}', '{"millrace":"received","id":1,"received":"x"}', '[]']) assert.equal(here.handle(bad), false);
});

test('answers that take longer than the interval count, too', async (t) => {
  const [a, b] = FakeConnection.pair();
  const here = watch(t, a, { interval: 10, exchange: (message) => setTimeout(() => there.handle(message), 30) });
  const there = watch(t, b, { interval: 10_000, exchange: (message) => setTimeout(() => here.handle(message), 30) });
  let packets = 0;
  await until(() => {
    packets += 100;
    a.stats = chromiumStats({ sent: packets });
    b.stats = chromiumStats({ received: packets / 2 });
    return here.latest?.packetLoss !== undefined;
  });
});

test('a count that is older than the question for it is read again', async (t) => {
  const [connection] = FakeConnection.pair();
  const before = chromiumStats({ received: 10 });
  before.p.timestamp = performance.timeOrigin + performance.now() - 40;
  connection.stats = before;
  const answers = [];
  const monitor = watch(t, connection, { interval: 10_000, exchange: (message) => answers.push(JSON.parse(message)) });
  monitor.handle('{"millrace":"counts","id":7}');
  await sleep(5);
  const after = chromiumStats({ received: 100 });
  after.p.timestamp = performance.timeOrigin + performance.now();
  connection.stats = after;
  const received = () => answers.find(({ millrace }) => millrace === 'received');
  await until(received);
  assert.equal(received().id, 7);
  assert.equal(received().received, 100);
  assert.ok(received().held >= 50, `${received().held}`);
});

test('over a channel of their own, monitors leave no listener behind', async (t) => {
  const [a, b] = FakeConnection.pair();
  const channel = a.createDataChannel('monitor', {});
  await sleep(5);
  a.stats = chromiumStats();
  const here = watch(t, a, { interval: 10, exchange: channel });
  const there = watch(t, b, { interval: 10, exchange: channel.other });
  await until(() => there.mean?.rtt !== undefined);
  assert.equal(there.latest.bytesPerSecond, undefined);
  channel.kill();
  await sleep(30);
  here.stop();
  there.stop();
  assert.equal(channel.listeners, 0);
});

test('a LAN is two host candidates and a short round trip', async () => {
  const connection = new FakeConnection();
  assert.equal(await detectLan(connection), undefined);
  connection.stats = chromiumStats({ rtt: 0.0099 });
  assert.deepEqual(await detectLan(connection), { lan: true, hostPair: true, rtt: 9.9, profile: 'lan-ethernet' });
  connection.stats = chromiumStats({ rtt: 0.01 });
  assert.equal((await detectLan(connection)).lan, false);
  connection.stats = chromiumStats({ rtt: 0.001, type: 'relay' });
  assert.deepEqual(await detectLan(connection), { lan: false, hostPair: false, rtt: 1, profile: 'internet' });
  connection.stats = firefoxStats();
  assert.equal((await detectLan(connection)).lan, false);
  assert.equal((await detectLan(connection, { rtt: 3 })).lan, true);
  assert.equal((await detectLan(connection, { rtt: 3, cellular: true })).profile, 'mobile');
});

test('channels are made as prescribed', () => {
  const connection = new FakeConnection();
  const made = [];
  connection.createDataChannel = (label, init) => (made.push({ label, ...init }), new FakeChannel(label, init));
  const first = createDataChannel(connection);
  createDataChannel(connection, { delivery: 'reliable', prefix: 'p', protocol: 'q', bufferedAmountLowThreshold: 5 });
  createDataChannel(connection, { delivery: 'ordered', number: 7 });
  createDataChannel(connection);
  assert.deepEqual(made, [
    { label: 'millrace-1', ordered: false, protocol: 'millrace-parts/1', maxRetransmits: 0 },
    { label: 'p-1', ordered: false, protocol: 'q' },
    { label: 'millrace-7', ordered: true, protocol: 'millrace-parts/1' },
    { label: 'millrace-8', ordered: false, protocol: 'millrace-parts/1', maxRetransmits: 0 },
  ]);
  assert.equal(first.binaryType, 'arraybuffer');
  assert.equal(first.bufferedAmountLowThreshold, 65_536);
  assert.throws(() => createDataChannel(connection, { delivery: 'maybe' }), invalid);
  connection.createDataChannel = () => {
    throw new DOMException('closed', 'InvalidStateError');
  };
  assert.throws(() => createDataChannel(connection), { code: 'connection-failed' });
});

test('the water marks are the prescribed ones, clamped to what browsers hold', () => {
  const MiB = 1_048_576;
  assert.deepEqual(parts.waterMarks.prescribed, { high: 16 * MiB, low: 4 * MiB });
  assert.equal(parts.waterMarks['event-driven'].low, 65_536);
  assert.equal(parts.waterMarks.deep.low, MiB);
  const marksOf = (options) => {
    const gate = new Backpressure(new FakeChannel('x'), options);
    gate.dispose();
    return gate.marks;
  };
  assert.deepEqual(marksOf({ high: 32 * MiB, low: 8 * MiB }), { high: 15 * MiB, low: 8 * MiB });
  assert.deepEqual(marksOf({ preset: 'prescribed' }), { high: 15 * MiB, low: 4 * MiB });
  assert.deepEqual(marksOf({ high: 1000 }), { high: 1000, low: 999 });
  assert.throws(() => marksOf({ preset: 'x' }), invalid);
  assert.throws(() => marksOf({ high: NaN }), invalid);
});

test('backpressure pauses, resumes by the event, and leaves nothing behind', async () => {
  const channel = new FakeChannel('x');
  channel.readyState = 'open';
  channel.hold = true;
  const gate = new Backpressure(channel, { high: 1000, low: 300, watchdogMs: 0 });
  const said = [];
  for (const type of ['pause', 'resume']) gate.addEventListener(type, () => said.push(type));
  assert.equal(channel.bufferedAmountLowThreshold, 300);
  assert.equal(gate.send(new Uint8Array(500)), true);
  assert.equal(gate.isPaused, false);
  // Above the low mark: a send now would not pass the high one.
  assert.equal(gate.hasBackpressure, false);
  assert.equal(gate.bufferLevel, 0.5);
  assert.equal(gate.send(new Uint8Array(500)), false);
  assert.equal(gate.isPaused, true);
  assert.equal(gate.hasBackpressure, true);
  assert.equal(gate.bufferLevel, 1);
  const ready = gate.ready();
  channel.hold = false;
  channel.drain();
  await ready;
  assert.deepEqual(said, ['pause', 'resume']);
  assert.equal(gate.isPaused, false);
  gate.dispose();
  assert.equal(channel.listeners, 0);
  await assert.rejects(gate.ready(), { code: 'closed' });
  assert.throws(() => gate.send(new Uint8Array(1)), { code: 'closed' });
});

test('a channel that closes rejects who waits for it, and a missed event is made up for', async () => {
  const full = () => {
    const channel = new FakeChannel('x');
    channel.readyState = 'open';
    channel.bufferedAmount = 1000;
    return channel;
  };
  const closing = full();
  const gate = new Backpressure(closing, { high: 1000, low: 300 });
  const waiting = gate.ready();
  closing.close();
  await assert.rejects(waiting, { code: 'lane-closed' });
  assert.equal(closing.listeners, 0);

  const silent = full();
  const watched = new Backpressure(silent, { high: 1000, low: 300, watchdogMs: 10 });
  const drained = watched.ready();
  silent.bufferedAmount = 0;
  await drained;
  const dead = watched.ready();
  await dead;
  silent.kill();
  await assert.rejects(watched.ready(), { code: 'lane-closed' });
  assert.equal(silent.listeners, 0);
});

/** Two sets whose lanes are open. */
async function lanePair(options = {}, here = {}) {
  const [a, b] = FakeConnection.pair();
  const to = LaneSet.accept(b, options);
  const from = LaneSet.open(a, { ...options, ...here });
  await Promise.all([from.ready, to.ready]);
  return { a, b, from, to, close: () => [from, to].forEach((set) => set.close()) };
}

const listenersOf = (...connections) => connections.flatMap(({ channels, pulses }) => [...channels, ...pulses]).reduce((sum, { listeners }) => sum + listeners, 0);

test('data crosses over parallel lanes, in memory and in order', async () => {
  const pair = await lanePair({ lanes: 4, chunkSize: 20_000 });
  const data = new Uint8Array(randomBytes(1_000_003));
  const chunks = [];
  pair.from.addEventListener('chunk', ({ lane, index, direction }) => chunks.push({ lane, index, direction }));
  const carried = new Map([['send', new Uint8Array(data.length)], ['receive', new Uint8Array(data.length)]]);
  for (const set of [pair.from, pair.to]) set.addEventListener('chunk', (chunk) => carried.get(chunk.direction).set(chunk.data, chunk.index * 20_000));
  const [receipt, arrived] = await Promise.all([pair.from.send(data), pair.to.receive()]);
  assert.deepEqual(arrived, data);
  for (const [direction, bytes] of carried) assert.deepEqual(bytes, data, `the chunks as the event tells them: ${direction}`);
  assert.equal(receipt.bytes, 1_000_003);
  assert.equal(receipt.chunks, 51);
  assert.deepEqual(chunks.slice(0, 4).map(({ lane }) => lane), [1, 2, 3, 4]);
  assert.ok(chunks.every(({ direction }) => direction === 'send'));

  const pieces = [];
  const blob = new Blob([data]);
  await Promise.all([pair.to.send(blob), pair.from.receive({ onchunk: (piece, offset) => pieces.push([offset, piece]) })]);
  assert.deepEqual(new Uint8Array(Buffer.concat(pieces.map(([, piece]) => piece))), data);
  assert.ok(pieces.every(([offset], index) => offset === index * 20_000));
  const stats = pair.from.stats();
  assert.equal(stats.openLanes, 4);
  assert.equal(stats.bytesSent, 1_000_003);
  assert.equal(stats.bytesReceived, 1_000_003);
  assert.equal(stats.lanes[0].state, 'open');
  assert.equal(stats.pausedLanes, 0);
  pair.close();
  assert.equal(listenersOf(pair.a, pair.b), 0);
});

test('nothing, and several one after the other, cross too', async () => {
  const pair = await lanePair({ lanes: 2 });
  for (const length of [0, 1, 70_000]) {
    const data = new Uint8Array(randomBytes(length));
    const [receipt, arrived] = await Promise.all([pair.from.send(data), pair.to.receive()]);
    assert.equal(receipt.bytes, length);
    assert.deepEqual(arrived, data);
  }
  const [, nothing] = await Promise.all([pair.from.send(new Uint8Array(0)), pair.to.receive({ onchunk: () => {} })]);
  assert.equal(nothing, undefined);
  pair.close();
});

test('sending is paced unless the option says otherwise, or the other side knows no pings', async () => {
  const data = new Uint8Array(randomBytes(2_000_000));
  /** The most that the channels of the sender held, and its pacing rate and chunk size. */
  const send = async (options, spoil = () => {}) => {
    const pair = await lanePair({ lanes: 2 }, options);
    spoil(pair);
    let most = 0;
    pair.from.addEventListener('chunk', () => (most = Math.max(most, pair.from.stats().bufferedAmount)));
    const [{ chunkSize }, arrived] = await Promise.all([pair.from.send(data), pair.to.receive()]);
    assert.deepEqual(arrived, data);
    const { pacingRate } = pair.from.stats();
    pair.close();
    assert.equal(listenersOf(pair.a, pair.b), 0);
    return { most, pacingRate, chunkSize };
  };
  const paced = await send({});
  assert.ok(paced.pacingRate > 0 && paced.most < 500_000, JSON.stringify(paced));
  assert.equal(paced.chunkSize, 16_384);
  const free = await send({ pacing: false });
  assert.ok(free.pacingRate === undefined && free.most > 1_000_000, JSON.stringify(free));
  assert.equal(free.chunkSize, 65_536);
  // A pulse lane that breaks, and a peer that never answers.
  assert.equal((await send({}, ({ a }) => a.pulses[0].close())).pacingRate, undefined);
  const alone = await send({}, ({ b }) => (b.pulses[0].receive = () => {}));
  assert.equal(alone.pacingRate, undefined);
});

test('a message on the pulse lane that must not be there ends the set; text ends the pulse lane', async () => {
  const pair = await lanePair({ lanes: 1 });
  pair.a.pulses[0].receive('text');
  assert.equal(pair.from.stats().pacingRate, undefined);
  assert.equal(pair.a.pulses[0].readyState, 'closed');
  const other = await lanePair({ lanes: 1 });
  const sending = assert.rejects(other.from.send(new Uint8Array(50_000_000)), { code: 'protocol-violation' });
  other.a.pulses[0].receive(new Uint8Array([9, 9, 9]).buffer);
  await sending;
  for (const { from, to } of [pair, other]) for (const set of [from, to]) set.close();
});

test('unreliable lanes that lose deliver everything', async () => {
  const pair = await lanePair({ lanes: 3, chunkSize: 16_000, delivery: 'unreliable' });
  for (const channel of pair.a.channels) channel.drop = (n) => n % 5 === 0;
  const data = new Uint8Array(randomBytes(1_500_000));
  const [, arrived] = await Promise.all([pair.from.send(data), pair.to.receive()]);
  assert.deepEqual(arrived, data);
  pair.close();
});

test('a lane that closes in the middle is relieved and opened again', async () => {
  const pair = await lanePair({ lanes: 3, high: 64_000, chunkSize: 16_000 });
  const data = new Uint8Array(randomBytes(4_000_000));
  const states = [];
  pair.from.addEventListener('lane', ({ lane, state }) => states.push([lane, state]));
  let chunks = 0;
  /** The totals of both sides at each chunk, and the lanes as they were listed after one was lost. */
  const totals = [];
  const note = () => totals.push([pair.from.stats(), pair.to.stats()].flatMap(({ bytesSent, bytesReceived, chunksSent, chunksReceived }) => [bytesSent, bytesReceived, chunksSent, chunksReceived]));
  let listed;
  pair.from.addEventListener('lane', ({ state }) => {
    if (state === 'closed') listed ??= pair.from.stats().lanes;
  });
  pair.from.addEventListener('chunk', () => {
    if ((chunks += 1) === 30) pair.a.channels[1].close();
    note();
  });
  const [, arrived] = await Promise.all([pair.from.send(data), pair.to.receive()]);
  assert.deepEqual(arrived, data);
  assert.deepEqual(states, [[2, 'closed'], [4, 'open']]);
  assert.equal(pair.from.stats().openLanes, 3);
  assert.deepEqual(listed.map(({ lane, label, state }) => [lane, label, state]), [[1, 'lane-1', 'open'], [2, 'lane-2', 'closed'], [3, 'lane-3', 'open']]);
  assert.ok(listed[1].bytesSent > 0);
  assert.deepEqual(pair.from.stats().lanes.map(({ lane }) => lane), [1, 3, 4], 'a lane that has closed is listed once more');
  note();
  pair.close();
  note();
  assert.ok(totals.at(-1)[0] >= data.length && totals.at(-1)[5] >= data.length, String(totals.at(-1)));
  for (const [index, now] of totals.entries()) {
    if (index > 0) assert.ok(now.every((value, which) => value >= totals[index - 1][which]), `${totals[index - 1]} became ${now}`);
  }
  assert.deepEqual(pair.from.stats().lanes, []);
  assert.equal(listenersOf(pair.a, pair.b), 0);
});

test('the last lane to close rejects both sides, by event or without', async () => {
  for (const how of ['close', 'kill']) {
    const pair = await lanePair({ lanes: 2, high: 64_000 }, { reopen: false });
    const sending = assert.rejects(pair.from.send(new Uint8Array(50_000_000)), { code: 'lane-closed' });
    const receiving = assert.rejects(pair.to.receive({ onchunk: () => {} }), { code: 'lane-closed' });
    await sleep(10);
    for (const { channels } of [pair.a, pair.b]) for (const channel of channels) channel[how]();
    const start = performance.now();
    await Promise.all([sending, receiving]);
    // By the event, not by the look that is taken each second.
    if (how === 'close') assert.ok(performance.now() - start < 900);
    pair.close();
    assert.equal(listenersOf(pair.a, pair.b), 0);
  }
});

test('who waits for a transfer that has not begun hears when the last lane is gone, by event or without', async () => {
  for (const how of ['close', 'kill']) {
    const pair = await lanePair({ lanes: 2 }, { reopen: false });
    const waiting = assert.rejects(pair.to.receive(), { code: 'lane-closed' });
    for (const { channels } of [pair.a, pair.b]) for (const channel of channels) channel[how]();
    await waiting;
    pair.close();
    assert.equal(listenersOf(pair.a, pair.b), 0);
  }
  // There are no lanes yet, and that is no reason.
  const [a, b] = FakeConnection.pair();
  const to = LaneSet.accept(b, { lanes: 1 });
  const early = to.receive();
  const from = LaneSet.open(a, { lanes: 1 });
  await from.ready;
  await from.send(new Uint8Array([1, 2, 3]));
  assert.deepEqual(await early, new Uint8Array([1, 2, 3]));
  for (const set of [from, to]) set.close();
});

test('what nobody waits for, or is too much, is rejected, and the next one arrives', async () => {
  const pair = await lanePair({ lanes: 2 });
  await assert.rejects(pair.from.send(new Uint8Array(10)), { code: 'rejected' });
  const refused = pair.to.receive({ maxBytes: 9 });
  await Promise.all([assert.rejects(pair.from.send(new Uint8Array(10)), { code: 'rejected' }), assert.rejects(refused, { code: 'too-large' })]);
  const failing = pair.to.receive({
    onchunk: () => {
      throw new Error('no room');
    },
  });
  await Promise.all([
    assert.rejects(pair.from.send(new Uint8Array(1_000_000)), { code: 'rejected' }),
    assert.rejects(failing, { code: 'sink-failed', explanation: 'no room' }),
  ]);
  let offered = 0;
  let arrived;
  pair.to.addEventListener('incoming', ({ totalBytes }) => {
    offered = totalBytes;
    arrived = pair.to.receive();
  });
  await pair.from.send(new Uint8Array([1, 2, 3]));
  assert.equal(offered, 3);
  assert.deepEqual(await arrived, new Uint8Array([1, 2, 3]));
  pair.close();
});

test('an abort ends one side, and the other hears of it', async () => {
  const pair = await lanePair({ lanes: 2, high: 64_000 });
  const controller = new AbortController();
  const sending = pair.from.send(new Uint8Array(50_000_000), { signal: controller.signal });
  await assert.rejects(pair.from.send(new Uint8Array(1)), invalid);
  const receiving = pair.to.receive({ onchunk: () => {} });
  await assert.rejects(pair.to.receive(), invalid);
  setTimeout(() => controller.abort(), 10);
  await Promise.all([assert.rejects(sending, { code: 'aborted' }), assert.rejects(receiving, { code: 'cancelled' })]);
  await assert.rejects(pair.from.send(new Uint8Array(1), { signal: controller.signal }), { code: 'aborted' });
  const waiting = pair.to.receive();
  pair.close();
  await assert.rejects(waiting, { code: 'closed' });
  await assert.rejects(pair.from.send(new Uint8Array(1)), { code: 'closed' });
});

test('what the other side must not send ends the set with a typed error', async () => {
  const pair = await lanePair({ lanes: 2 });
  const sending = assert.rejects(pair.from.send(new Uint8Array(50_000_000)), { code: 'protocol-violation' });
  pair.a.channels[0].receive(new Uint8Array([9, 9, 9]).buffer);
  await sending;
  await assert.rejects(pair.from.send(new Uint8Array(1)), { code: 'protocol-violation' });
  pair.close();
  assert.equal(listenersOf(pair.a, pair.b), 0);
});

test('options that mean nothing are refused', () => {
  for (const bad of [{ lanes: 0 }, { lanes: 17 }, { lanes: 1.5 }, { scheduler: 'x' }, { delivery: 'x' }, { chunkSize: 0 }, { preset: 'x' }, { pacing: 1 }]) {
    assert.throws(() => LaneSet.open(new FakeConnection(), bad), invalid);
  }
});

test('numbers for people', () => {
  const { formatBytes, formatEta, formatThroughput } = parts;
  assert.equal(formatBytes(999), '999 B');
  assert.equal(formatBytes(1_500_000), '1.5 MB');
  assert.equal(formatThroughput(12_345_678), '12.3 MB/s');
  assert.equal(formatThroughput(12_345_678, 'bytes'), '12.3 MB/s');
  assert.deepEqual([0, 1, 125, 12_345_678, 125e6, 125e9].map((rate) => formatThroughput(rate, 'bits')), ['0 bit/s', '8 bit/s', '1.0 kbit/s', '98.8 Mbit/s', '1.0 Gbit/s', '1000 Gbit/s']);
  assert.equal(formatEta(1_000, 125), '8 s');
  assert.equal(formatEta(200_000, 1_000), '3 min 20 s');
  assert.equal(formatEta(7_500, 1), '2 h 5 min');
  for (const none of [formatBytes(NaN), formatBytes(-1), formatThroughput(Infinity), formatThroughput(-1, 'bits'), formatThroughput(NaN, 'bits'), formatEta(1, 0), formatEta(1, NaN), formatEta(NaN, 1)]) assert.equal(none, '–');
});
