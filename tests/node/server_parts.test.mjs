// What the server decides by itself: who counts as whom, how often one may guess, which numbers codes get, what a
// configuration means.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { bundle } from './support/web_module.mjs';

const { clientAddress, defaultIceServers, defaultLimits, Guesses, listVariables, makeIceServers, Nameplates, readConfig } = await bundle(`
  export { clientAddress } from './server/addresses.ts';
  export { listVariables, readConfig } from './server/config.ts';
  export { defaultIceServers } from './api/ice_servers.ts';
  export { Guesses } from './server/guesses.ts';
  export { makeIceServers } from './server/ice.ts';
  export { defaultLimits } from './server/limits.ts';
  export { Nameplates } from './server/nameplates.ts';
`);
const hour = 3_600_000;

function request(remoteAddress, forwarded) {
  return { socket: { remoteAddress }, headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded } };
}

test('X-Forwarded-For counts only as far as proxies are trusted', () => {
  const cases = [
    [0, '6.6.6.6', '10.0.0.1'],
    [1, undefined, '10.0.0.1'],
    [1, '9.9.9.9', '9.9.9.9'],
    // The client's own header stands in front of what the proxy wrote.
    [1, '6.6.6.6, 9.9.9.9', '9.9.9.9'],
    [2, '6.6.6.6, 9.9.9.9, 10.0.0.2', '9.9.9.9'],
    // Fewer entries than proxies: it did not come through all of them.
    [2, '6.6.6.6', '10.0.0.1'],
    [1, 'nonsense', '10.0.0.1'],
    [1, '', '10.0.0.1'],
  ];
  for (const [trusted, header, expected] of cases) assert.equal(clientAddress(request('10.0.0.1', header), trusted), expected, `${trusted} ${header}`);
});

test('one customer is one address: a /64 of IPv6, an IPv4 address however it is written', () => {
  const cases = [
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:0db8:0000::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.7', '64:ff9b:0:0::/64'],
    [undefined, 'unknown'],
  ];
  for (const [address, expected] of cases) assert.equal(clientAddress(request(address), 0), expected);
});

/** Guesses that get through when an address tries every `everyMs`. */
function guessesWithin(guesses, durationMs, everyMs) {
  let heard = 0;
  for (let now = 0; now < durationMs; now += everyMs) {
    if (guesses.waitMs('a', now) > 0) continue;
    guesses.strike('a', now);
    heard += 1;
  }
  return heard;
}

test('whoever guesses without a pause gets 14 guesses in the first hour and 6 in each further one', () => {
  assert.equal(guessesWithin(new Guesses(defaultLimits), hour, 250), 14);
  const day = guessesWithin(new Guesses(defaultLimits), 24 * hour, 250);
  assert.ok(day <= 14 + 23 * 6, String(day));
});

test('addresses pause each for itself, a right guess costs nothing, and time forgives', () => {
  const guesses = new Guesses(defaultLimits);
  for (let guess = 0; guess < 4; guess += 1) guesses.strike('a', 1000);
  assert.equal(guesses.waitMs('a', 1000), 10_000);
  assert.equal(guesses.waitMs('b', 1000), 0);
  for (let guess = 0; guess < 1000; guess += 1) {
    guesses.strike('b', 1000);
    guesses.forgive('b');
    assert.equal(guesses.waitMs('b', 1000), 0);
  }
  for (let guess = 0; guess < 40; guess += 1) guesses.strike('a', 2000);
  assert.equal(guesses.waitMs('a', 2000), 600_000);
  const later = 2000 + 11 * hour;
  guesses.sweep(later);
  guesses.strike('a', later);
  assert.equal(guesses.waitMs('a', later), 0);
});

test('numbers are short, lead to their room once, and are not given away again soon', () => {
  const plates = new Nameplates({ ...defaultLimits, maxNameplates: 300, maxNameplatesPerAddress: 300 });
  const numbers = new Set();
  for (let index = 0; index < 300; index += 1) {
    const number = plates.suggest();
    assert.ok(plates.claim(number, `room-${index}`, 'a', 0));
    numbers.add(number);
    if (numbers.size <= 4) assert.ok(number < 10 || numbers.size > 3, String(number));
  }
  assert.equal(numbers.size, 300);
  assert.ok(Math.max(...numbers) < 10_000);
  assert.equal(plates.waiting, 300);
  assert.equal(plates.claim(plates.suggest(), 'one-more', 'b', 0), false);

  const [first] = numbers;
  const room = plates.take(first, () => {});
  assert.match(room, /^room-\d+$/);
  assert.equal(plates.take(first, () => {}), undefined);
  plates.ownerLeft(room, 1);
  assert.equal(plates.take(first, () => {}), undefined);
  // Somebody who still types the old code must not meet somebody new.
  assert.equal(plates.claim(first, 'another', 'b', 2), false);
  assert.equal(plates.has(first), true);
  plates.sweep(1 + 600_000);
  assert.equal(plates.has(first), false);
});

test('an owner that comes back in time has its number, and one that does not has lost it', () => {
  const plates = new Nameplates(defaultLimits);
  assert.ok(plates.claim(7, 'room', 'a', 0));
  plates.ownerLeft('room', 0);
  assert.deepEqual(plates.sweep(59_000), []);
  assert.ok(plates.claim(7, 'room', 'other address', 59_000));
  assert.equal(plates.claim(7, 'another room', 'a', 59_000), false);
  plates.ownerLeft('room', 60_000);
  assert.deepEqual(plates.sweep(120_000), ['room']);
  assert.equal(plates.claim(7, 'room', 'a', 120_000), false);
  // One that waits for too long, with its owner.
  assert.ok(plates.claim(8, 'patient', 'a', 0));
  assert.deepEqual(plates.sweep(defaultLimits.nameplateMs), ['patient']);
});

test('one address has only so many numbers at once', () => {
  const plates = new Nameplates({ ...defaultLimits, maxNameplatesPerAddress: 2 });
  assert.ok(plates.claim(1, 'r1', 'a', 0));
  assert.ok(plates.claim(2, 'r2', 'a', 0));
  assert.equal(plates.claim(3, 'r3', 'a', 0), false);
  assert.ok(plates.claim(3, 'r3', 'b', 0));
  let met = 0;
  plates.take(1, () => (met += 1));
  plates.met('r1', 0);
  plates.met('r1', 0);
  assert.equal(met, 1);
  assert.ok(plates.claim(4, 'r4', 'a', 0));
});

test('TURN credentials are those of the REST scheme, and no two are alike', () => {
  const options = { stunUrls: ['stun:s'], turnUrls: ['turn:t', 'turns:t'], turnSecret: 'north', turnTtlSeconds: 600 };
  const now = 1_700_000_000_500;
  const [stun, turn] = makeIceServers(options, now);
  assert.deepEqual(stun, { urls: ['stun:s'] });
  assert.deepEqual(turn.urls, ['turn:t', 'turns:t']);
  assert.match(turn.username, /^1700000600:[A-Za-z0-9_-]{12}$/);
  assert.equal(turn.credential, createHmac('sha1', 'north').update(turn.username).digest('base64'));
  assert.notEqual(makeIceServers(options, now)[1].username, turn.username);
  assert.deepEqual(makeIceServers({ ...options, stunUrls: [], turnUrls: [] }, now), []);
});

test('the environment sets everything, and what means nothing is named without its value', () => {
  const plain = readConfig({});
  assert.deepEqual([plain.host, plain.port, plain.anyPort, plain.metrics, plain.bridge], ['127.0.0.1', 8080, true, 'local', undefined]);
  assert.deepEqual([plain.allowedOrigins, plain.connectSources], [[], []]);
  assert.deepEqual(plain.limits, defaultLimits);
  assert.deepEqual(plain.ice.stunUrls, defaultIceServers.map(({ urls }) => urls));
  assert.deepEqual(readConfig({ STUN_URLS: 'stun:a stuns:b' }).ice.stunUrls, ['stun:a', 'stuns:b']);
  const config = readConfig({
    STUN_URLS: 'none', PORT: '0', HOST: '::1', CROSS_ORIGIN_ISOLATION: 'off', TRUST_PROXY: '1', METRICS_TOKEN: 't', TURN_URLS: 'turn:a, turns:b', TURN_SECRET: 's',
    ALLOWED_ORIGINS: 'https://a.example, http://b.example:81', CONNECT_SRC: 'wss://broker ws://*.b.example:*', MQTT_URL: 'mqtts://u:p@broker', MQTT_PREFIX: 'x', IDLE_SECONDS: '5', MAX_ROOMS: '3', PAGES: '',
  });
  assert.deepEqual([config.port, config.anyPort, config.crossOriginIsolation, config.trustedProxies, config.metrics], [0, false, false, 1, { token: 't' }]);
  assert.deepEqual([config.allowedOrigins, config.connectSources], [['https://a.example', 'http://b.example:81'], ['wss://broker', 'ws://*.b.example:*']]);
  assert.deepEqual(config.ice, { stunUrls: [], turnUrls: ['turn:a', 'turns:b'], turnSecret: 's', turnTtlSeconds: 3600, openTurn: false });
  assert.deepEqual(config.bridge, { url: 'mqtts://u:p@broker', prefix: 'x' });
  assert.deepEqual([config.limits.idleMs, config.limits.maxRooms], [5000, 3]);
  assert.equal(readConfig({ METRICS: 'off', METRICS_TOKEN: 't' }).metrics, 'nobody');
  assert.equal(readConfig({ METRICS: 'on' }).metrics, 'anyone');
  assert.deepEqual(readConfig({ ALLOWED_ORIGINS: '*' }).allowedOrigins, ['*']);
  for (const ALLOWED_ORIGINS of ['example.org', 'https://example.org/', 'https://example.org/path', 'ws://example.org', 'null']) {
    assert.throws(() => readConfig({ ALLOWED_ORIGINS }), /ALLOWED_ORIGINS must be/, ALLOWED_ORIGINS);
  }
  for (const CONNECT_SRC of ["'unsafe-inline'", 'wss://a;script-src', 'broker', '*']) assert.throws(() => readConfig({ CONNECT_SRC }), /CONNECT_SRC must be/, CONNECT_SRC);

  const wrong = { PORT: '65536', TRUST_PROXY: 'yes', METRICS: 'maybe', STUN_URLS: 'http://x', TURN_URLS: 'turn:a', MQTT_URL: 'broker:secret',
    MQTT_PREFIX: 'a/#', MAX_ROOMS: '0', CODE_SECONDS: '1e3', MESSAGE_BURST: '-1', BYTE_BURST: '1000' };
  assert.throws(() => readConfig(wrong), (error) => {
    for (const name of [...Object.keys(wrong), 'TURN_SECRET']) assert.ok(error.message.includes(name), name);
    assert.ok(!error.message.includes('broker:secret'));
    return true;
  });
});

test('the documentation names every variable with its default', async () => {
  const text = await readFile(new URL('../../docs/server.md', import.meta.url), 'utf8');
  for (const { name, fallback } of listVariables()) {
    const row = text.split('\n').find((line) => line.startsWith(`| \`${name}\` |`));
    assert.ok(row, name);
    assert.equal(row.split('|')[2].trim().replaceAll('`', ''), fallback, name);
  }
});
