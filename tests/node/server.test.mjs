// The signalling and static server of the demo, over real sockets.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import WebSocket from 'ws';
import { closing, enter as enterRoom, nextText, openSocket, settle, startSite } from './support/site.mjs';

const room = 'room-0123456789abcdef';

let folder;
let site;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-server-'));
  await mkdir(join(folder, 'dist/demo'), { recursive: true });
  await writeFile(join(folder, 'dist/demo/index.html'), '<!doctype html><title>demo</title>');
  await writeFile(join(folder, 'dist/demo/demo.js'), 'export {};');
  await writeFile(join(folder, 'dist/millrace.js'), 'export const connect = 1;');
  await writeFile(join(folder, 'dist/millrace_core.wasm'), Buffer.from([0, 97, 115, 109]));
  await writeFile(join(folder, 'dist/.secret.js'), 'hidden');
  await writeFile(join(folder, 'outside.txt'), 'outside');
  await symlink(join(folder, 'outside.txt'), join(folder, 'dist/link.txt'));
  site = await start();
});

after(async () => {
  await site.close();
  await rm(folder, { recursive: true, force: true });
});

function start(limits = {}, options = {}) {
  return startSite({ dist: join(folder, 'dist'), host: '127.0.0.1', port: 0, limits, ...options });
}

/** Runs `body` with a site of its own, with `limits`. */
async function withSite(limits, body, options = {}) {
  const own = await start(limits, options);
  try {
    await body(own);
  } finally {
    await own.close();
  }
}

function enter(of, id = room) {
  return enterRoom(of, id);
}

/** Asks with the path exactly as it stands; `fetch` would tidy it up first. */
async function rawGet(of, path, method = 'GET', headers = {}) {
  const url = new URL(of.url);
  const request = http.request({ host: url.hostname, port: url.port, path, method, headers });
  request.end();
  const [response] = await once(request, 'response');
  const parts = [];
  for await (const part of response) parts.push(part);
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) };
}

test('serves the demo page, its script, the package and the WebAssembly with their types', async () => {
  const expected = [
    ['/', 'text/html; charset=utf-8', '<!doctype html><title>demo</title>'],
    ['/demo.js', 'text/javascript; charset=utf-8', 'export {};'],
    ['/dist/millrace.js', 'text/javascript; charset=utf-8', 'export const connect = 1;'],
    ['/dist/millrace_core.wasm', 'application/wasm', '\0asm'],
  ];
  for (const [path, type, body] of expected) {
    const answer = await rawGet(site, path);
    assert.equal(answer.status, 200, path);
    assert.equal(answer.headers['content-type'], type);
    assert.equal(answer.headers['content-length'], String(body.length));
    assert.equal(String(answer.body), body);
  }
});

test('sends the security headers with every file', async () => {
  const { headers } = await rawGet(site, '/');
  const policy = headers['content-security-policy'];
  for (const part of ["default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "style-src 'self'", "worker-src 'self'",
    "frame-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"]) {
    assert.ok(policy.split('; ').includes(part), part);
  }
  assert.equal(headers['cross-origin-opener-policy'], 'same-origin');
  assert.equal(headers['cross-origin-embedder-policy'], 'require-corp');
  assert.equal(headers['cross-origin-resource-policy'], 'same-origin');
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.equal(headers['referrer-policy'], 'no-referrer');
});

test('HEAD gives the headers only, an unchanged file gives 304', async () => {
  const head = await rawGet(site, '/dist/millrace.js', 'HEAD');
  assert.equal(head.status, 200);
  assert.equal(head.headers['content-length'], '25');
  assert.equal(head.body.length, 0);
  const again = await fetch(`${site.url}dist/millrace.js`, { headers: { 'If-None-Match': head.headers.etag } });
  assert.equal(again.status, 304);
});

test('refuses paths that lead out of its folders, hidden files, links and folders', async () => {
  const paths = ['/../outside.txt', '/dist/../../outside.txt', '/%2e%2e/outside.txt', '/dist/%2e%2e%2f%2e%2e%2foutside.txt',
    '/dist/..%5coutside.txt', '/dist/link.txt', '/dist/.secret.js', '/dist/demo', '/dist/%00', '/%zz', '/dist//etc/passwd', '/missing.js'];
  for (const path of paths) {
    const answer = await rawGet(site, path);
    assert.equal(answer.status, 404, path);
    assert.ok(!String(answer.body).includes('outside'), path);
  }
});

test('takes GET and HEAD only, and answers health checks', async () => {
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const answer = await rawGet(site, '/', method);
    assert.equal(answer.status, 405, method);
    assert.equal(answer.headers.allow, 'GET, HEAD');
  }
  const health = await rawGet(site, '/healthz');
  assert.equal(health.status, 200);
  assert.equal(String(health.body), 'ok\n');
});

test('takes a free port where the one asked for is taken', async () => {
  const port = Number(new URL(site.url).port);
  const options = { dist: join(folder, 'dist'), host: '127.0.0.1', port };
  await assert.rejects(startSite(options), { code: 'EADDRINUSE' });
  const second = await startSite({ ...options, fallBackToFreePort: true });
  assert.notEqual(second.url, site.url);
  assert.equal((await rawGet(second, '/healthz')).status, 200);
  await second.close();
});

test('forwards text verbatim to the other member only', async () => {
  const [a, b, stranger] = [await enter(site), await enter(site), await enter(site, 'another-room-0123456789')];
  const heard = [];
  a.on('message', () => heard.push('a'));
  stranger.on('message', () => heard.push('stranger'));
  const text = '{"odd":"  \u0000 ü 🦊 ","not": json';
  a.send(text);
  assert.equal(await nextText(b), text);
  const largest = 'x'.repeat(64 * 1024);
  a.send(largest);
  assert.equal(await nextText(b), largest);
  await settle(a);
  await settle(stranger);
  assert.deepEqual(heard, []);
  for (const socket of [a, b, stranger]) socket.close();
});

test('refuses bad room ids with 4400', async () => {
  for (const id of ['', 'short', 'x'.repeat(65), 'room/0123456789abcdef', 'r%C3%B6om-0123456789abcdef', '../../../../etc/passwd']) {
    const socket = openSocket(site, `room=${id}`);
    assert.equal((await closing(socket)).code, 4400, id);
  }
});

test('refuses a third member with 4409 until one leaves', async () => {
  const [a, b] = [await enter(site), await enter(site)];
  const third = openSocket(site, `room=${room}`);
  assert.deepEqual(await closing(third), { code: 4409, reason: 'the room is full' });
  a.close();
  await once(a, 'close');
  const fourth = await enter(site);
  fourth.send('hello');
  assert.equal(await nextText(b), 'hello');
  for (const socket of [b, fourth]) socket.close();
});

test('limits the rooms and the sockets of one address', async () => {
  await withSite({ maxRooms: 1 }, async (own) => {
    await enter(own);
    assert.equal((await closing(openSocket(own, 'room=second-0123456789abcdef'))).code, 4503);
  });
  await withSite({ maxClientsPerAddress: 1 }, async (own) => {
    await enter(own);
    assert.equal((await closing(openSocket(own, `room=${room}`))).code, 4428);
  });
});

test('who stays in a room is told when somebody leaves it, by a goodbye or without', async () => {
  await withSite({}, async (own) => {
    const staying = await enter(own);
    for (const leave of ['close', 'terminate']) {
      const leaving = await enter(own);
      const told = once(staying, 'message');
      leaving[leave]();
      assert.deepEqual(JSON.parse(String((await told)[0])), { millrace: 1, type: 'left' });
    }
  });
});

test('closes whoever sends binary, too much at once, or too often', async () => {
  await withSite({ messageBurst: 5, messagesPerSecond: 1 }, async (own) => {
    const bad = await enter(own);
    bad.send(Buffer.from([1, 2, 3]));
    assert.equal((await closing(bad)).code, 1003);

    const large = await enter(own);
    large.send('x'.repeat(64 * 1024 + 1));
    assert.equal((await closing(large)).code, 1009);

    const other = await enter(own);
    const often = await enter(own);
    let heard = 0;
    let left = 0;
    other.on('message', (data) => (String(data) === 'x' ? (heard += 1) : (left += 1)));
    for (let i = 0; i < 50; i += 1) often.send('x');
    assert.equal((await closing(often)).code, 4429);
    await settle(other);
    assert.equal(heard, 5);
    assert.equal(left, 1);
    assert.equal(own.rooms.clientCount, 1);
  });
});

test('disconnects a member that does not read, and keeps the other', async () => {
  await withSite({ maxBufferedBytes: 256 * 1024, messageBurst: 10_000 }, async (own) => {
    const slow = await enter(own);
    slow.pause();
    const sender = await enter(own);
    const gone = once(slow, 'close');
    // Kernel buffers of the loopback take some megabytes before anything piles up in the server.
    for (let i = 0; i < 400 && own.rooms.clientCount === 2; i += 1) {
      sender.send('x'.repeat(64 * 1024));
      await settle(sender);
    }
    assert.equal(own.rooms.clientCount, 1);
    assert.equal(sender.readyState, WebSocket.OPEN);
    slow.resume();
    await gone;
  });
});

test('closes members that give no sign of life, and keeps those that answer pings', async () => {
  await withSite({ pingIntervalMs: 50, idleMs: 200 }, async (own) => {
    const alive = await enter(own);
    const silent = openSocket(own, `room=${room}`, { autoPong: false });
    const { code } = await closing(silent);
    assert.equal(code, 4408);
    assert.equal(alive.readyState, WebSocket.OPEN);
    assert.equal(own.rooms.roomCount, 1);
  });
});

test('survives garbage on the wire', async () => {
  const url = new URL(site.url);
  const upgrade = `GET /signal?room=${room} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n`
    + 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';
  const attacks = [
    'nonsense\r\n\r\n',
    'GET /signal HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
    'GET http://[ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
    'GET /elsewhere HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
    // An unmasked frame, reserved bits set, and invalid UTF-8: each breaks the WebSocket protocol.
    `${upgrade}\x81\x05hello`,
    `${upgrade}\xf1\x80\x00\x00\x00\x00`,
    `${upgrade}\x81\x81\x00\x00\x00\x00\xff`,
  ];
  for (const attack of attacks) {
    const socket = net.connect(Number(url.port), url.hostname);
    socket.on('error', () => {});
    socket.write(Buffer.from(attack, 'latin1'));
    socket.resume();
    await once(socket, 'close');
  }
  assert.equal((await rawGet(site, '/healthz')).status, 200);
  const socket = await enter(site);
  socket.close();
  await once(socket, 'close');
});

test('closes a socket that asks nothing in time, without a word', async () => {
  await withSite({ headersTimeoutMs: 100 }, async (own) => {
    const { hostname, port } = new URL(own.url);
    const socket = net.connect(Number(port), hostname);
    let said = '';
    socket.on('data', (data) => (said += data));
    await once(socket, 'close');
    // A browser would take anything else for the answer to the request that it sends next.
    assert.equal(said, '');
  });
});

test('rooms are gone when their members are', async () => {
  await withSite({}, async (own) => {
    const [a, b] = [await enter(own), await enter(own)];
    assert.equal(own.rooms.roomCount, 1);
    a.terminate();
    b.terminate();
    await Promise.all([once(a, 'close'), once(b, 'close')]);
    // The server learns of it with the next turn of its own loop; a further round trip is past that.
    const later = await enter(own, 'later-0123456789abcdef');
    await settle(later);
    assert.equal(own.rooms.roomCount, 1);
    later.close();
  });
});

test('isolation of pages can be turned off, the rest of the headers stays', async () => {
  await withSite({}, async (own) => {
    const { headers } = await rawGet(own, '/');
    assert.equal(headers['cross-origin-opener-policy'], undefined);
    assert.equal(headers['cross-origin-embedder-policy'], undefined);
    assert.ok(headers['content-security-policy'].includes("script-src 'self' 'wasm-unsafe-eval';"));
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['cache-control'], 'no-cache');
  }, { crossOriginIsolation: false });
});

test('metrics count what happens, in the text format of Prometheus', async () => {
  await withSite({}, async (own) => {
    const [a, b] = [await enter(own), await enter(own)];
    const third = openSocket(own, `room=${room}`);
    await closing(third);
    a.send('12345');
    await nextText(b);
    const { status, headers, body } = await rawGet(own, '/metrics');
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    assert.equal(headers['cache-control'], 'no-store');
    const lines = String(body).split('\n');
    for (const line of ['millrace_rooms 1', 'millrace_clients 2', 'millrace_messages_total 1', 'millrace_message_bytes_total 5',
      'millrace_refused_total{code="4409"} 1', 'millrace_guesses_total 0', '# TYPE millrace_messages_total counter']) {
      assert.ok(lines.includes(line), line);
    }
    for (const line of lines) assert.match(line, /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z]+="\w+"\})? \d+|)$/);
    for (const socket of [a, b]) socket.close();
  });
});

test('metrics can be off, or for those with the token', async () => {
  await withSite({}, async (own) => assert.equal((await rawGet(own, '/metrics')).status, 404), { metrics: false });
  await withSite({}, async (own) => {
    const statuses = [];
    for (const authorization of ['', 'Bearer wrong', 'Basic token', 'Bearer token']) {
      statuses.push((await rawGet(own, '/metrics', 'GET', { authorization })).status);
    }
    assert.deepEqual(statuses, [401, 401, 401, 200]);
  }, { metrics: 'token' });
});

test('closing says so to every socket and is done at once', async () => {
  const own = await start();
  const sockets = [await enter(own), await enter(own)];
  const deaf = await enter(own, 'deaf-0123456789abcdef');
  deaf.pause();
  const told = Promise.all(sockets.map(closing));
  const started = performance.now();
  await own.close();
  assert.ok(performance.now() - started < 2_000);
  assert.deepEqual((await told).map(({ code }) => code), [1001, 1001]);
  await assert.rejects(fetch(own.url));
  deaf.terminate();
});
