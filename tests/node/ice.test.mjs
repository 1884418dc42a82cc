// TURN credentials from the signalling server, at a real coturn.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { startCoturn } from './support/daemon.mjs';
import { startSite } from './support/site.mjs';

const run = promisify(execFile);

function start(ice, limits = {}) {
  return startSite({ dist: '/nowhere', host: '127.0.0.1', port: 0, limits, ice: { stunUrls: [], turnUrls: [], turnSecret: undefined, turnTtlSeconds: 600, ...ice } });
}

/** Allocates at the TURN server and sends a little through it, as coturn's own client does. */
function allocate(coturn, { username, credential }) {
  return run('turnutils_uclient', ['-y', '-n', '2', '-m', '1', '-u', username, '-w', credential, '-p', String(coturn.port), '127.0.0.1'], { timeout: 15_000 });
}

test('coturn takes the credentials that GET /ice gives, and no others', async () => {
  const coturn = await startCoturn('a shared secret');
  const site = await start({ turnUrls: [coturn.url], turnSecret: 'a shared secret' });
  const liar = await start({ turnUrls: [coturn.url], turnSecret: 'another secret' });
  try {
    const answer = await fetch(`${site.url}ice`);
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    assert.equal(answer.headers.get('access-control-allow-origin'), null);
    const { iceServers, ttlSeconds } = await answer.json();
    assert.equal(ttlSeconds, 600);
    assert.deepEqual(iceServers[0].urls, [coturn.url]);
    const { stdout } = await allocate(coturn, iceServers[0]);
    assert.match(stdout, /Total lost packets 0/);
    const [wrong] = (await (await fetch(`${liar.url}ice`)).json()).iceServers;
    const late = { ...iceServers[0], username: iceServers[0].username.replace(/^\d+/, '1000000000') };
    await Promise.all([wrong, late].map((server) => assert.rejects(allocate(coturn, server))));
  } finally {
    await Promise.all([site.close(), liar.close(), coturn.stop()]);
  }
});

test('credentials are limited by address', async () => {
  const site = await start({ turnUrls: ['turn:t'], turnSecret: 's' }, { icePerMinute: 3 });
  const statuses = [];
  for (let index = 0; index < 5; index += 1) statuses.push((await fetch(`${site.url}ice`)).status);
  assert.deepEqual(statuses, [200, 200, 200, 429, 429]);
  await site.close();
});
