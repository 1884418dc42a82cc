// Which configurations of connections are taken, and where they come from if `rtc` is a function.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeConnection } from './support/fake_connection.mjs';
import { bundle } from './support/web_module.mjs';

const { checkRtcOption, ConfigurationAhead, Configurations, defaultIceServers, resolveMeshOptions, resolveOptions } = await bundle(`
  export { defaultIceServers } from './api/ice_servers.ts';
  export { resolveMeshOptions } from './mesh/options.ts';
  export { checkRtcOption } from './rtc/configuration.ts';
  export { ConfigurationAhead } from './rtc/configuration_ahead.ts';
  export { Configurations } from './rtc/configurations.ts';
  export { resolveOptions } from './session/settings.ts';
`);

const signaling = { send() {}, onmessage: null };
const stun = { urls: 'stun:stun.example' };
const turn = { urls: 'turn:turn.example', username: 'user', credential: 'secret words' };

/** Values that are refused, by the part that the error names. */
const invalid = {
  rtc: [null, 5, true, 'stun:stun.example', [], [stun], Promise.resolve({ iceServers: [] })],
  'rtc.iceServers': [null, 5, 'stun:stun.example', stun, new Set([stun]), { length: 0 }].map((iceServers) => ({ iceServers })),
  'rtc.iceServers[1]': [undefined, null, 5, 'stun:stun.example', ['stun:stun.example']].map((server) => ({ iceServers: [stun, server] })),
  'rtc.iceServers[1].urls': [
    undefined, null, 5, '', [], [null], [5], {}, 'stun.example', 'stun:', 'stun://stun.example', 'http://stun.example', 'turnx:a', ' stun:a', 'stun:a b',
    'stun:a:0', 'stun:a:65536', 'stun:a:port', 'stun:a:', 'stun:user@a', 'stun:a/path', 'stun:a#b', 'stun:a?transport=udp', 'turn:a?transport=sctp',
    'turn:a?transport=', 'turn:a?ttl=5', 'stun:[::1', 'stun:::1', ['stun:a', 'tel:555'],
  ].map((urls) => ({ iceServers: [stun, { urls, username: 'user', credential: 'secret words' }] })),
  'rtc.iceServers[0].username': [undefined, null, '', 5].map((username) => ({ iceServers: [{ ...turn, username }] })),
  'rtc.iceServers[0].credential': [undefined, null, '', 5, {}].flatMap((credential) =>
    ['turn:a', 'TURNS:a', ['stun:a', 'turns:a:443?transport=tcp']].map((urls) => ({ iceServers: [{ urls, username: 'user', credential }] }))),
};

test('invalid servers are an invalid-argument that names the part and shows no credential, for sessions and for meshes', () => {
  for (const [name, values] of Object.entries(invalid)) {
    for (const rtc of values) {
      const check = (error) => {
        assert.equal(error.code, 'invalid-argument');
        assert.ok(error.explanation.startsWith(`${name} must be `), `${name}: ${error.explanation}`);
        assert.ok(!error.message.includes('secret words'));
        return true;
      };
      assert.throws(() => checkRtcOption(rtc), check);
      assert.throws(() => resolveOptions({ signaling, rtc }), check);
      assert.throws(() => resolveMeshOptions({ signaling, agentId: 'a', rtc }), check);
    }
  }
});

test('every form of address that browsers take is taken', () => {
  const urls = ['stun:a', 'STUN:a:1', 'stuns:a.example:65535', 'stun:192.0.2.1:3478', 'stun:[2001:db8::1]', 'stun:[::ffff:192.0.2.1]:3478',
    'turn:a?transport=udp', 'turns:a:443?transport=TCP', 'turn:xn--bcher-kva.example'];
  const iceServers = [{ urls, username: 'u', credential: 'c' }, ...urls.map((url) => ({ urls: url, username: 'u', credential: 'c' })), stun];
  checkRtcOption({ iceServers });
  for (const rtc of [undefined, {}, { iceServers: undefined }, { iceServers: [] }, () => ({})]) checkRtcOption(rtc);
});

test('without a list of servers the default ones are used, and none where the list is empty or only relays are allowed', () => {
  const resolve = (options) => resolveOptions({ signaling, ...options }).rtc;
  assert.equal(defaultIceServers.length, 2);
  checkRtcOption({ iceServers: defaultIceServers });
  for (const rtc of [undefined, {}, { iceServers: undefined }]) assert.deepEqual(resolve({ rtc }).iceServers, [...defaultIceServers]);
  assert.deepEqual(resolve({ rtc: { bundlePolicy: 'max-bundle' } }), { bundlePolicy: 'max-bundle', iceServers: [...defaultIceServers] });
  assert.deepEqual(resolve({ rtc: { iceServers: [] } }), { iceServers: [] });
  assert.deepEqual(resolve({ rtc: { iceTransportPolicy: 'relay' } }), { iceTransportPolicy: 'relay', iceServers: [] });
  const rtc = { iceServers: [stun] };
  assert.equal(resolve({ rtc }), rtc);
});

test('privacy allows the given TURN servers only, also with a function', async () => {
  const mixed = { urls: ['stun:stun.example', 'TURN:turn.example', 'turns:turn.example:443'], username: 'u', credential: 'p' };
  const given = { iceServers: [stun, mixed, turn], iceTransportPolicy: 'all' };
  const expected = {
    iceServers: [{ ...mixed, urls: ['TURN:turn.example', 'turns:turn.example:443'] }, { ...turn, urls: [turn.urls] }],
    iceTransportPolicy: 'relay',
  };
  assert.deepEqual(resolveOptions({ signaling, privacy: true, rtc: given }).rtc, expected);
  assert.deepEqual((await Configurations.start(() => given, true)).current, expected);
  for (const rtc of [undefined, {}, { iceServers: [] }, { iceServers: [stun, { urls: ['stun:turn.example'] }] }]) {
    const without = { code: 'invalid-argument', message: /rtc.iceServers must be .*TURN.*privacy/ };
    assert.throws(() => resolveOptions({ signaling, privacy: true, rtc }), without);
    await assert.rejects(Configurations.start(() => rtc ?? {}, true), without);
  }
});

/** A session's configurations whose function gives these answers, one after the other; a function is called. */
async function answering(...answers) {
  const give = () => {
    const answer = answers.shift();
    return typeof answer === 'function' ? answer() : answer;
  };
  const rtc = await Configurations.start(give, false);
  const warnings = [];
  rtc.onwarning = (message) => warnings.push(message);
  // The first connection has the first answer.
  await rtc.refresh(new FakeConnection(rtc.current));
  return { rtc, warnings };
}

test('a function that gives no configuration for the first connection rejects with a typed error', async (context) => {
  const fail = () => {
    throw new TypeError('no network');
  };
  for (const ask of [fail, async () => fail()]) {
    await assert.rejects(Configurations.start(ask, false), { code: 'connection-failed', explanation: /function rtc failed: TypeError: no network/ });
  }
  const thrower = { get iceServers() { return fail(); } };
  for (const answer of [undefined, thrower, ...Object.values(invalid).flat()]) {
    // A promise is an answer; what it gives is none of these.
    if (answer instanceof Promise) continue;
    await assert.rejects(Configurations.start(async () => answer, false), { code: 'invalid-argument' });
  }
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const late = assert.rejects(Configurations.start(() => new Promise(() => {}), false), { code: 'connection-failed', explanation: /no answer within 5 s/ });
  context.mock.timers.tick(5_000);
  await late;
});

test('the function is asked for each connection, and only servers and policy change', async () => {
  const certificates = [];
  const { rtc } = await answering(
    { iceServers: [stun], certificates, bundlePolicy: 'max-bundle' },
    async () => ({ iceServers: [turn], iceTransportPolicy: 'relay', bundlePolicy: 'balanced' }),
    {},
  );
  const connection = new FakeConnection(rtc.current);
  await rtc.refresh(connection);
  assert.deepEqual(connection.configurations.at(-1), { iceServers: [turn], iceTransportPolicy: 'relay', certificates, bundlePolicy: 'max-bundle' });
  assert.equal(rtc.current, connection.configurations.at(-1));
  await rtc.refresh(connection);
  assert.deepEqual(rtc.current.iceServers, [...defaultIceServers]);
  assert.equal(rtc.current.iceTransportPolicy, 'all');
});

test('a function that fails later leaves the known configuration, with one warning until it works again', async () => {
  const fail = () => Promise.reject(new Error('server away'));
  const { rtc, warnings } = await answering({ iceServers: [stun] }, fail, fail, { iceServers: 7 }, { iceServers: [turn] }, fail);
  const connection = new FakeConnection(rtc.current);
  for (let asked = 0; asked < 3; asked += 1) await rtc.refresh(connection);
  assert.deepEqual([connection.configurations.length, rtc.current], [1, { iceServers: [stun] }]);
  assert.deepEqual(warnings, ['the known configuration is used: the function rtc failed: server away']);
  await rtc.refresh(connection);
  assert.deepEqual(rtc.current.iceServers, [turn]);
  await rtc.refresh(connection);
  assert.deepEqual(rtc.current.iceServers, [turn]);
  assert.equal(warnings.length, 2);
});

test('a function that is slow holds a later connection up for 2.5 s, and its answer is for the next one', async (context) => {
  let give;
  const { rtc, warnings } = await answering({ iceServers: [stun] }, new Promise((resolve) => (give = resolve)));
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const connection = new FakeConnection(rtc.current);
  let waits = true;
  const refreshed = rtc.refresh(connection).then(() => (waits = false));
  context.mock.timers.tick(2_400);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(waits, true);
  context.mock.timers.tick(100);
  await refreshed;
  assert.equal(connection.configurations.length, 1);
  assert.match(warnings[0], /no answer within 2.5 s/);
  give({ iceServers: [turn] });
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(rtc.current.iceServers, [turn]);
});

test('an answer that the browser refuses, or that comes after a newer one, is not used for other connections', async () => {
  let give;
  const { rtc, warnings } = await answering(
    { iceServers: [stun] }, { iceServers: [{ urls: 'stun:refused.example' }] }, new Promise((resolve) => (give = resolve)), { iceServers: [turn] },
  );
  const strict = new FakeConnection(rtc.current);
  strict.setConfiguration = () => {
    throw new SyntaxError('not allowed');
  };
  await rtc.refresh(strict);
  assert.deepEqual(rtc.current, { iceServers: [stun] });
  assert.deepEqual(warnings, ['the known configuration is used: SyntaxError: not allowed']);

  const [slow, quick] = [new FakeConnection(rtc.current), new FakeConnection(rtc.current)];
  const refreshing = rtc.refresh(slow);
  await rtc.refresh(quick);
  give({ iceServers: [{ urls: 'stun:older.example' }] });
  await refreshing;
  assert.deepEqual(slow.configurations.at(-1).iceServers, [{ urls: 'stun:older.example' }]);
  assert.deepEqual(rtc.current.iceServers, [turn]);
});

test('a plain configuration is never set again', async () => {
  const rtc = await Configurations.start({ iceServers: [stun] }, false);
  const connection = new FakeConnection(rtc.current);
  for (let connects = 0; connects < 3; connects += 1) await rtc.refresh(connection);
  assert.equal(connection.configurations.length, 1);
});

test('the function is asked ahead once, and again where its answer failed or is older than 10 s', async (context) => {
  let asked = 0;
  const answers = [new Error('offline'), { iceServers: [stun] }, { iceServers: [turn] }];
  const rtc = async () => {
    asked += 1;
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  };
  let now = 1_000;
  context.mock.method(performance, 'now', () => now);
  const ahead = new ConfigurationAhead(rtc, false);
  ahead.ask();
  ahead.ask();
  assert.equal(asked, 1);
  // The failure is known some turns later.
  for (let turns = 0; turns < 5; turns += 1) await new Promise((resolve) => setImmediate(resolve));
  ahead.ask();
  assert.equal(asked, 2);
  now += 9_999;
  assert.deepEqual((await ahead.get()).current.iceServers, [stun]);
  assert.equal(asked, 2);
  now += 1;
  assert.deepEqual((await ahead.get()).current.iceServers, [turn]);
  assert.equal(asked, 3);
});

test('a function that goes on failing is an error when its answer is needed, and no sooner', async () => {
  const ahead = new ConfigurationAhead(() => Promise.reject(new Error('offline')), false);
  ahead.ask();
  await new Promise((resolve) => setImmediate(resolve));
  await assert.rejects(ahead.get(), { code: 'connection-failed' });
});
