// A5: every public function with every wrong type. It works, or it fails with a `MillraceError`; nothing is thrown elsewhere.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Room } from '../node/support/room.mjs';
import { closeAll, connectedPair } from '../node/support/session_pair.mjs';
import { bundle } from '../node/support/web_module.mjs';
import { RTCPeerConnection } from '../node/support/web_rtc.mjs';

const load = (name) => import(new URL(`../../dist/${name}.js`, import.meta.url).href);
const millrace = await load('millrace');
const parts = await load('parts');
const signaling = await load('signaling');
const { createMesh } = await load('mesh');
const schema = await bundle(`
  export * from './api/options.js'; export * from './api/transfer_options.js'; export * from './api/message_types.js';
  export * from './api/room_types.js'; export * from './api/mesh_options.js';
`);

const hostile = new Proxy({}, {
  get() { throw new TypeError('get'); },
  has() { throw new TypeError('has'); },
  ownKeys() { throw new TypeError('ownKeys'); },
  getPrototypeOf() { throw new TypeError('getPrototypeOf'); },
});
const revoked = Proxy.revocable({}, {});
revoked.revoke();
const wrongValues = [null, true, false, 0, -1, 0.5, 2 ** 53, NaN, Infinity, -Infinity, 1n, '', 'x', '\ud800', Symbol('s'), [], [null], {}, Object.create(null), () => {},
  new Date(), new Map(), new Set([1]), new Error('x'), /x/, Promise.resolve(), new Uint8Array(3), { then: 5 }, { toString: null }, hostile, revoked.proxy];

/** Exceptions that no caller could catch. */
const loose = [];
process.on('uncaughtException', (caught) => loose.push(caught));
process.on('unhandledRejection', (caught) => loose.push(caught));

const shown = (value) => {
  try {
    return typeof value === 'object' ? Object.prototype.toString.call(value) + JSON.stringify(value) : String(value);
  } catch {
    return 'a hostile object';
  }
};

/** What threw something else. */
const failures = [];

function checkFailures() {
  assert.equal([...failures.splice(0), ...loose.splice(0).map((caught) => `loose: ${caught?.stack ?? String(caught)}`)].join('\n'), '');
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 0));
const MINE = 'MillraceError';
const isMine = (caught) => caught instanceof Error && caught.name === MINE && typeof caught.code === 'string';

/** Calls it and notes what it throws or rejects with. `undo` gets what it returns. Answers whether the call was refused. */
async function tryCall(name, call, undo) {
  let result;
  try {
    result = call();
  } catch (caught) {
    if (!isMine(caught)) failures.push(`${name} threw ${caught?.stack ?? String(caught)}`);
    return true;
  }
  let refused = false;
  if (result instanceof Promise) {
    const settled = result.then((value) => undo?.(value), (caught) => {
      refused = true;
      if (!isMine(caught)) failures.push(`${name} rejected with ${caught?.stack ?? String(caught)}`);
    });
    // One that waits for something is right, too; it is ended with its signal or its session.
    await Promise.race([settled, soon()]);
  } else {
    undo?.(result);
  }
  return refused;
}

/** Each argument of `call` replaced by each wrong value; `options`: at the end, with each option of these names replaced. */
async function tryAll(name, call, { args = [], options, more = () => ({}), undo }) {
  for (const [index] of args.entries()) {
    for (const value of wrongValues) {
      const given = args.map((arg, at) => (at === index ? value : typeof arg === 'function' && arg.make ? arg() : arg));
      await tryCall(`${name}(argument ${index + 1}: ${shown(value)})`, () => call(...given), undo);
    }
  }
  if (!options) return;
  const proper = () => args.map((arg) => (typeof arg === 'function' && arg.make ? arg() : arg));
  for (const value of wrongValues) await tryCall(`${name}(options: ${shown(value)})`, () => call(...proper(), value), undo);
  for (const option of options) {
    for (const value of wrongValues) {
      await tryCall(`${name}(${option}: ${shown(value)})`, () => call(...proper(), { ...more(), [option]: value }), undo);
    }
  }
}

const make = (create) => Object.assign(create, { make: true });
let peers;
before(async () => {
  peers = await connectedPair();
});
after(() => closeAll(peers));

test('A5: connect, rooms and meshes', async () => {
  const end = new AbortController();
  const room = new Room();
  const common = { RTCPeerConnection, rtc: { iceServers: [] }, signal: end.signal };
  const names = Object.keys(schema.connectShapes).filter((name) => name !== 'signal');
  const leave = (joined) => joined?.leave?.().catch?.(() => {});
  await tryAll('connect', millrace.connect, { options: ['signaling', ...names, 'signal'], more: () => ({ ...common, signaling: room.join() }), undo: (peer) => peer.close() });
  const roomNames = [...Object.keys(schema.roomShapes), 'code', 'signaling', ...names];
  const where = make(() => () => new Room().join());
  await tryAll('createRoom', millrace.createRoom, { args: [where], options: roomNames, more: () => common, undo: leave });
  const invite = `${'r'.repeat(22)}.${millrace.createLinkKey(128)}`;
  await tryAll('joinRoom', millrace.joinRoom, { args: [where, invite], options: roomNames, more: () => common, undo: leave });
  const meshNames = [...Object.keys(schema.meshNeeded), ...Object.keys(schema.meshShapes)];
  await tryAll('createMesh', createMesh, { options: meshNames, more: () => ({ ...common, agentId: 'a', signaling: new Room().join() }), undo: (mesh) => mesh.close() });
  for (const name of Object.keys(schema.bandwidthShapes)) {
    await tryAll(`createMesh(bandwidth: ${name})`, (value) => createMesh({ ...common, agentId: 'a', signaling: new Room().join(), bandwidth: { [name]: value } }), {
      args: [0], undo: (mesh) => mesh.close(),
    });
  }
  end.abort();
  await soon();
  checkFailures();
});

test('A5: what connect would not do is refused at once, and the option is named', async () => {
  const wrong = [
    [{ lanes: null }, /lanes/], [{ lanes: 4 }, /lanes/], [{ lanes: [1, 2] }, /lanes/], [{ lanes: { min: '1' } }, /lanes\.min/], [{ waterMarks: null }, /waterMarks/],
    [{ waterMarks: { high: 5 } }, /waterMarks\.low/], [{ rtc: { iceServers: { urls: 'stun:example.org' } } }, /rtc\.iceServers/], [{ rtc: null }, /rtc/],
    [{ chunkSize: '65536' }, /chunkSize/], [{ chunkSize: 65536.5 }, /chunkSize/], [{ chunkSize: 65536n }, /chunkSize/], [{ bandwidthLimit: 1 }, /bandwidthLimit/],
    [{ bandwidthLimit: NaN }, /bandwidthLimit/], [{ bandwidthLimit: Infinity }, /bandwidthLimit/], [{ worker: 'yes' }, /worker/], [{ signal: 5 }, /signal/],
    [{ secret: 5 }, /secret/], [{ secretKind: 'password', secret: 'x' }, /secretKind/], [{ profile: 'lan' }, /profile/], [{ delivery: true }, /delivery/],
  ];
  const { connect } = millrace;
  for (const [options, named] of wrong) {
    await assert.rejects(connect({ signaling: new Room().join(), RTCPeerConnection, ...options }), { name: MINE, code: 'invalid-argument', message: named });
  }
  await assert.rejects(connect(), { name: MINE, code: 'invalid-argument' });
  await assert.rejects(connect({}), { name: MINE, code: 'invalid-argument', message: /signaling/ });
});

/** An offer of its own, and the transfer that offers it. Offers that were withdrawn may still come before it. */
async function offered(a, b) {
  const name = `offer ${Math.random()}`;
  const transfer = a.send('x', { name });
  transfer.done.catch(() => {});
  const offer = await new Promise((resolve) => {
    b.onincoming = (one) => (one.files[0].name === name ? resolve(one) : one.reject());
  });
  return [offer, transfer];
}

test('A4, A5: peers, transfers and offers; the session lives', async () => {
  const [a, b] = peers;
  const [sends, messages, requests] = [schema.sendShapes, schema.messageShapes, schema.requestShapes].map(Object.keys);
  b.onincoming = (offer) => offer.reject();
  const cancel = (transfer) => {
    transfer.done.catch(() => {});
    transfer.cancel();
  };
  await tryAll('send', (...args) => a.send(...args), { args: [make(() => 'text')], options: sends, undo: cancel });
  await tryAll('message', (...args) => a.message(...args), { args: [make(() => 'text')], options: messages });
  await tryAll('request', (...args) => a.request(...args), { args: [make(() => 'text')], options: requests, more: () => ({ timeoutMs: 5 }) });
  for (const value of wrongValues) {
    const transfer = a.send('x');
    transfer.done.catch(() => {});
    await tryCall(`cancel(${shown(value)})`, () => transfer.cancel(value));
    for (const name of ['onincoming', 'onmessage', 'onrequest']) await tryCall(`${name} = ${shown(value)}`, () => { a[name] = value; });
  }
  for (const option of [undefined, ...Object.keys(schema.acceptShapes)]) {
    for (const value of wrongValues) {
      const [offer, transfer] = await offered(a, b);
      const refused = await tryCall(`accept(${option}: ${shown(value)})`, () => offer.accept(option === undefined ? value : { sink: 'memory', [option]: value }), (one) => one.done.catch(() => {}));
      if (refused) await tryCall(`reject(${shown(value)})`, () => offer.reject(value));
      await transfer.done.catch((caught) => assert.ok(isMine(caught)));
    }
  }
  for (const name of ['onincoming', 'onmessage', 'onrequest']) a[name] = null;
  const [offer, sent] = await offered(a, b);
  await offer.accept({ sink: 'memory' }).done;
  await sent.done;
  checkFailures();
});

test('A5: rooms and meshes that are there', async () => {
  const room = await millrace.createRoom(() => new Room().join(), { RTCPeerConnection, rtc: { iceServers: [] } });
  const stop = (group) => {
    group.done.catch(() => {});
    group.cancel();
  };
  const sends = [...Object.keys(schema.groupSendShapes), ...Object.keys(schema.sendShapes)];
  await tryAll('Room.send', (...args) => room.send(...args), { args: [make(() => 'text')], options: sends, undo: stop });
  await tryAll('Room.message', (...args) => room.message(...args), { args: ['text'], options: ['to'] });
  for (const value of wrongValues) {
    const group = room.send('x');
    group.done.catch(() => {});
    await tryCall(`GroupTransfer.cancel(${shown(value)})`, () => group.cancel(value));
  }
  await room.leave();

  const mesh = await createMesh({ agentId: 'a', signaling: new Room().join(), RTCPeerConnection, rtc: { iceServers: [] } });
  const options = Object.keys(schema.meshMessageShapes);
  await tryAll('Mesh.send', (...args) => mesh.send(...args), { args: ['b', 'text'], options });
  await tryAll('Mesh.broadcast', (...args) => mesh.broadcast(...args), { args: ['text'], options });
  await tryAll('Mesh.sendFiles', (...args) => mesh.sendFiles(...args), { args: ['b', 'text'], options: Object.keys(schema.sendShapes) });
  for (const value of wrongValues) for (const name of ['onmessage', 'onincoming']) await tryCall(`${name} = ${shown(value)}`, () => { mesh[name] = value; });
  await mesh.close();
  checkFailures();
});

test('A5: secrets, signalling and stored files', async () => {
  const call = (module, name, more) => tryAll(name, module[name], more);
  await call(millrace, 'createCode', { args: [1] });
  await call(millrace, 'normalizeCode', { args: ['1-a-b'] });
  await call(millrace, 'createLinkKey', { args: [128] });
  await call(millrace, 'removeStored', { args: ['x'] });
  const close = (made) => {
    made.place?.catch(() => {});
    made.text?.catch(() => {});
    made.close();
  };
  await call(signaling, 'broadcastSignaling', { args: ['room'], undo: close });
  await call(signaling, 'manualSignaling', { args: ['x'], undo: close });
  await call(signaling, 'webSocketSignaling', { args: ['ws://127.0.0.1:9/signal?room=0123456789abcdef'], options: ['protocols', 'openTimeout', 'member'], undo: close });
  await call(signaling, 'mqttSignaling', { args: ['ws://127.0.0.1:9/mqtt', '0123456789abcdef'], options: ['username', 'password', 'prefix', 'openTimeout'], undo: close });
  const invited = signaling.manualSignaling();
  invited.text.catch(() => {});
  await tryAll('answer', (text) => invited.answer(text), { args: ['x'] });
  invited.close();
  await soon();
  checkFailures();
});

test('A5: parts', async () => {
  const connection = new RTCPeerConnection();
  const channel = make(() => connection.createDataChannel('x'));
  const call = (name, more) => tryAll(name, (...args) => (typeof parts[name] === 'function' && /^[A-Z]/.test(name) ? new parts[name](...args) : parts[name](...args)), more);
  const marks = ['preset', 'high', 'low'];
  await call('createDataChannel', { args: [connection], options: ['prefix', 'number', 'delivery', 'protocol', 'bufferedAmountLowThreshold'] });
  await call('Backpressure', { args: [channel], options: [...marks, 'watchdogMs'], undo: (one) => one.dispose() });
  await call('ChunkSizer', { options: ['ladder', 'profile', 'mode', 'minChunkSize', 'maxChunkSize', 'onUpdate'] });
  await call('detectLan', { args: [connection], options: ['rtt', 'cellular'] });
  await call('QualityMonitor', { args: [connection], options: ['channels', 'exchange', 'interval', 'onSample'], undo: (one) => one.stop() });
  await call('TransferBenchmark', { options: ['sampleInterval', 'windowSize', 'rttInterval', 'measureRtt', 'onStats'] });
  await call('runBenchmark', { args: [connection], options: ['fileSize', 'chunkSize', 'lanes', 'signal', 'delivery', 'scheduler', 'pacing', 'preset'], more: () => ({ signal: AbortSignal.abort() }) });
  await call('answerBenchmark', { args: [connection], undo: (answer) => answer.close() });
  await call('profileLimits', { args: ['auto'] });
  for (const name of ['formatBytes', 'formatThroughput', 'formatDuration']) await call(name, { args: [1] });
  await call('formatEta', { args: [1, 1] });
  const sizer = new parts.ChunkSizer();
  await tryAll('reportMetrics', (value) => sizer.reportMetrics(value), { args: [0] });
  await tryAll('setPath', (value) => sizer.setPath(value), { args: [0], options: undefined });
  const benchmark = new parts.TransferBenchmark();
  for (const name of ['recordBytes', 'recordRtt', 'recordPacketsSent', 'recordPacketLoss', 'recordLossRatio']) await tryAll(name, (value) => benchmark[name](value), { args: [0] });
  const monitor = new parts.QualityMonitor(connection);
  await tryAll('handle', (value) => monitor.handle(value), { args: ['x'] });
  monitor.stop();
  const setOptions = ['lanes', 'scheduler', 'delivery', 'prefix', 'protocol', 'chunkSize', 'reopen', ...marks];
  for (const name of ['open', 'accept']) {
    await tryAll(`LaneSet.${name}`, (...args) => parts.LaneSet[name](...args), { args: [connection], options: setOptions, undo: (set) => set.close() });
  }
  const set = parts.LaneSet.open(connection);
  await tryAll('LaneSet.send', (...args) => set.send(...args), { args: [make(() => new Uint8Array(3))], options: ['chunkSize', 'signal'] });
  for (const option of ['maxBytes', 'onchunk', 'signal']) {
    for (const value of wrongValues) {
      const end = new AbortController();
      await tryCall(`LaneSet.receive(${option}: ${shown(value)})`, () => set.receive({ signal: end.signal, [option]: value }));
      end.abort();
      await soon();
    }
  }
  set.close();
  connection.close();
  await soon();
  checkFailures();
});
