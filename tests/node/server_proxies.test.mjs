// The server under a path, behind nginx and Caddy as the samples of docs/ configure them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import WebSocket from 'ws';
import { startDocumentedCaddy, startDocumentedNginx } from './support/daemon.mjs';
import { closing, nextText, startSite } from './support/site.mjs';

let dist;

before(async () => {
  dist = await mkdtemp(join(tmpdir(), 'millrace-proxied-'));
  await mkdir(join(dist, 'demo'));
  await writeFile(join(dist, 'demo/index.html'), '<!doctype html><title>demo</title>');
  await writeFile(join(dist, 'millrace.js'), 'export {};');
});

after(() => rm(dist, { recursive: true, force: true }));

async function get(url) {
  const request = https.get(url, { rejectUnauthorized: false, agent: false });
  const [response] = await once(request, 'response');
  let body = '';
  for await (const part of response) body += part;
  return { status: response.statusCode, headers: response.headers, body };
}

/** A socket to the signalling below `base`, as of a page of `origin`. */
function open(base, room, origin, headers = {}) {
  const url = `${base.replace('https', 'wss')}signal?room=${room}-0123456789abcdef`;
  const socket = new WebSocket(url, { rejectUnauthorized: false, headers: { ...(origin === undefined ? {} : { Origin: origin }), ...headers } });
  socket.on('error', () => {});
  return socket;
}

for (const [name, start] of [['nginx', startDocumentedNginx], ['Caddy', startDocumentedCaddy]]) {
  test(`${name}: the site works below a path, with and without the slash`, async () => {
    const site = await startSite({ dist, host: '127.0.0.1', port: 0, trustedProxies: 1 });
    const proxy = await start(site.url);
    try {
      const { host } = new URL(proxy.url);
      const bare = await get(proxy.url.slice(0, -1));
      assert.equal(bare.status, 308);
      assert.equal(new URL(bare.headers.location, proxy.url).href, proxy.url);
      const page = await get(proxy.url);
      assert.deepEqual([page.status, page.body], [200, '<!doctype html><title>demo</title>']);
      assert.ok(page.headers['content-security-policy'].includes(`connect-src 'self' ws://${host} wss://${host};`));
      assert.equal((await get(`${proxy.url}dist/millrace.js`)).body, 'export {};');
      assert.deepEqual(JSON.parse((await get(`${proxy.url}ice`)).body), { iceServers: [], ttlSeconds: 0 });
      // They are for programs on this machine, and a proxy's clients are none.
      assert.equal((await get(`${proxy.url}metrics`)).status, 404);

      const [a, b] = ['a', 'b'].map(() => open(proxy.url, 'shared', new URL(proxy.url).origin));
      await Promise.all([once(a, 'open'), once(b, 'open')]);
      a.send('hello');
      assert.equal(await nextText(b), 'hello');
      assert.equal((await closing(open(proxy.url, 'foreign', 'https://evil.example'))).code, 4403);
      assert.equal((await closing(open(proxy.url, 'foreign', 'https://evil.example', { 'X-Forwarded-Host': 'evil.example' }))).code, 4403);
      const terminal = open(proxy.url, 'terminal', undefined);
      await once(terminal, 'open');
      for (const socket of [a, b, terminal]) socket.terminate();
    } finally {
      await proxy.stop();
      await site.close();
    }
  });

  test(`${name}: a client is counted by its own address, whatever it says about it`, async () => {
    const site = await startSite({ dist, host: '127.0.0.1', port: 0, trustedProxies: 1, limits: { maxClientsPerAddress: 1 } });
    const proxy = await start(site.url);
    try {
      const first = open(proxy.url, 'first', undefined);
      await once(first, 'open');
      assert.equal((await closing(open(proxy.url, 'second', undefined, { 'X-Forwarded-For': '9.9.9.9' }))).code, 4428);
      first.terminate();
    } finally {
      await proxy.stop();
      await site.close();
    }
  });
}
