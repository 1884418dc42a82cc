// No test, benchmark or check contacts a public STUN or TURN server.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { localServersScript, withLocalServers } from '../../e2e/support/local_servers.mjs';
import { startSite } from '../../e2e/support/site.mjs';
import { FakeConnection } from './support/fake_connection.mjs';
import { bundle } from './support/web_module.mjs';

const { defaultIceServers } = await bundle(`export { defaultIceServers } from './api/ice_servers.ts';`);
const root = fileURLToPath(new URL('../..', import.meta.url));

const elsewhere = [...defaultIceServers.map(({ urls }) => urls), 'stun:8.8.8.8', 'turns:turn.millrace.org:443?transport=tcp', 'STUN:172.32.0.1', 'stun:100.128.0.1',
  'stun:[2606:4700::1]', 'stun:10.0.0.1.example.org', 'stun:localhost.org', 'stun:11.0.0.1'];
const here = ['stun:127.0.0.1:3478', 'turn:10.1.2.3?transport=udp', 'stun:172.16.0.1', 'stun:192.168.1.1', 'turn:203.0.113.5', 'stun:[::1]:1', 'stun:[fd00::1]', 'stun:localhost:1',
  'turn:turn.example', 'stun:a.b.test'];

test('connections of tests refuse public servers, when they are made and later, and take those of this machine', () => {
  globalThis.RTCPeerConnection = FakeConnection;
  new Function(localServersScript)();
  for (const Connection of [withLocalServers(FakeConnection), globalThis.RTCPeerConnection]) {
    assert.notEqual(Connection, FakeConnection);
    const connection = new Connection();
    for (const urls of elsewhere.flatMap((url) => [url, ['stun:127.0.0.1', url]])) {
      const rtc = { iceServers: [{ urls: 'stun:127.0.0.1' }, { urls, username: 'u', credential: 'c' }] };
      assert.throws(() => new Connection(rtc), /must not contact/, String(urls));
      assert.throws(() => connection.setConfiguration(rtc), /must not contact/, String(urls));
    }
    for (const urls of [...here, here]) connection.setConfiguration(new Connection({ iceServers: [{ urls }] }).configurations[0]);
    assert.equal(connection.configurations.length, here.length + 2);
  }
});

test('the site of tests, benchmarks and checks gives its pages no servers', async () => {
  const site = await startSite();
  try {
    assert.deepEqual((await (await fetch(new URL('ice', site.url))).json()).iceServers, []);
  } finally {
    await site.stop();
  }
});

test('whatever starts a browser, a server or a WebRTC stack does so where public servers are refused', async () => {
  const files = [];
  for (const folder of ['e2e', 'scripts', 'tests']) {
    const names = await readdir(join(root, folder), { recursive: true });
    files.push(...names.filter((name) => /\.(ts|mjs|js|sh)$/.test(name)).map((name) => join(folder, name)));
  }
  const texts = new Map(await Promise.all(files.map(async (file) => [file, await readFile(join(root, file), 'utf8')])));
  const filesWith = (pattern) => files.filter((file) => file !== 'tests/node/local_servers.test.mjs' && pattern.test(texts.get(file))).sort();
  // Browsers: of one file, which refuses them in each context, and one Firefox that only loads pages of the site.
  assert.deepEqual(filesWith(/\b(chromium|firefox)\.launch|\bspawn\(firefoxPath/), ['e2e/support/browsers.mjs', 'e2e/support/unwatched_firefox.ts']);
  assert.match(texts.get('e2e/support/browsers.mjs'), /addInitScript\(\{ content: localServersScript \}\)/);
  // Servers that are started for tests say that there are none. `scripts/demo.sh` without `--check` serves people.
  const servers = filesWith(/(new URL|join)\(.*dist\/server\.js/);
  assert.ok(servers.length >= 3, String(servers));
  for (const file of servers) assert.ok(texts.get(file).includes("STUN_URLS: 'none'"), file);
  // Node.js: of one file, and of programs that name no servers.
  for (const file of filesWith(/from '(?:@roamhq\/wrtc|werift)'/)) {
    if (file !== 'tests/node/support/web_rtc.mjs') assert.ok(texts.get(file).includes('iceServers: []'), file);
  }
});
