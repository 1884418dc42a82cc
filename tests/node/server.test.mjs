// The signalling and static server of the demo, over real sockets.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import WebSocket from 'ws';
import { closing, enter as enterRoom, nextText, openSocket, settle, startSite, until } from './support/site.mjs';

const room = 'room-0123456789abcdef';

/** No limit of traffic. */
const generous = { messageBurst: 1e6, messagesPerSecond: 1e6, byteBurst: 1e9, bytesPerSecond: 1e9, addressMessagesPerSecond: 1e6, addressBytesPerSecond: 1e9 };

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
    "frame-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'",
    `connect-src 'self' ws://${new URL(site.url).host} wss://${new URL(site.url).host}`]) {
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

/** The close code of a socket that a page of `origin` opens, or 'open'. */
async function asPageOf(of, origin, headers = {}) {
  const socket = openSocket(of, 'room=page-0123456789abcdef', { headers: { ...(origin === undefined ? {} : { Origin: origin }), ...headers } });
  const closed = closing(socket).then(({ code }) => code);
  const settled = await Promise.race([closed, once(socket, 'open').then(() => settle(socket)).then(() => 'open', () => closed)]);
  socket.close();
  if (settled === 'open') await closed;
  return settled;
}

test('only pages of the server itself and of ALLOWED_ORIGINS get in, and programs that are no browser', async () => {
  const { host } = new URL(site.url);
  const cases = [
    [undefined, 'open'], [`http://${host}`, 'open'], [`https://${host}`, 'open'],
    ['http://127.0.0.1', 4403], ['http://evil.example', 4403], [`http://${host}.evil.example`, 4403], [`ftp://${host}`, 4403], ['null', 4403], ['', 4403],
  ];
  for (const [origin, expected] of cases) assert.equal(await asPageOf(site, origin), expected, String(origin));
  // Without a proxy, the header is the client's own.
  assert.equal(await asPageOf(site, 'https://example.org', { 'X-Forwarded-Host': 'example.org' }), 4403);
  await withSite({}, async (own) => {
    assert.equal(await asPageOf(own, 'https://friend.example'), 'open');
    assert.equal(await asPageOf(own, 'http://friend.example'), 4403);
    assert.equal(await asPageOf(own, `http://${new URL(own.url).host}`), 'open');
  }, { allowedOrigins: ['https://friend.example'] });
  await withSite({}, async (own) => {
    for (const origin of ['https://anyone.example', 'null']) assert.equal(await asPageOf(own, origin), 'open');
  }, { allowedOrigins: ['*'] });
});

test('behind a proxy, the own origin is the host that the proxy names', async () => {
  await withSite({}, async (own) => {
    const forwarded = { 'X-Forwarded-Host': 'example.org' };
    assert.equal(await asPageOf(own, 'https://example.org', forwarded), 'open');
    // One names the default port, the other does not.
    assert.equal(await asPageOf(own, 'https://example.org', { 'X-Forwarded-Host': 'example.org:443' }), 'open');
    assert.equal(await asPageOf(own, 'https://example.org:8443', forwarded), 4403);
    assert.equal(await asPageOf(own, `http://${new URL(own.url).host}`, forwarded), 4403);
    // Without the header, the proxy passes Host on.
    assert.equal(await asPageOf(own, 'https://example.org', { Host: 'example.org' }), 'open');
    const policy = async (headers) => (await rawGet(own, '/', 'GET', headers)).headers['content-security-policy'];
    assert.match(await policy(forwarded), /connect-src 'self' ws:\/\/example\.org wss:\/\/example\.org wss:\/\/broker\.example;/);
    // Nothing but a host gets into the policy.
    for (const host of ['x; script-src *', 'a b', 'x/y', "'unsafe-inline'"]) {
      assert.match(await policy({ 'X-Forwarded-Host': host }), /connect-src 'self' wss:\/\/broker\.example;/);
    }
  }, { trustedProxies: 1, connectSources: ['wss://broker.example'] });
});

test('the first member says how many a room is for, within the limit', async () => {
  await withSite({ maxRoomSize: 4 }, async (own) => {
    for (const [first, later, size] of [['3', '', 3], ['', '4', 2], ['9', '2', 4], ['1', '', 2], ['-3', '', 2], ['2e1', '', 2], ['1000', '', 2]]) {
      const id = `room-of-${first}-${later}-0123456789abcdef`;
      const query = (asked) => `room=${id}${asked === '' ? '' : `&size=${asked}`}`;
      const members = [];
      for (let index = 0; index < size; index += 1) {
        const socket = openSocket(own, query(index === 0 ? first : later));
        await once(socket, 'open');
        await settle(socket);
        assert.equal(socket.readyState, WebSocket.OPEN, `${index} of ${id}`);
        members.push(socket);
      }
      assert.equal((await closing(openSocket(own, query('4')))).code, 4409, id);
      for (const socket of members) socket.terminate();
    }
  });
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
  await withSite({ maxBufferedBytes: 256 * 1024, ...generous }, async (own) => {
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

/** Members in rooms of two from different addresses: one reads nothing, the other sends to it. */
async function slowPair(own, index) {
  const id = `slow-${String(index).padStart(16, '0')}`;
  const options = { headers: { 'X-Forwarded-For': `10.0.${index % 3}.1` } };
  const [slow, sender] = [openSocket(own, `room=${id}`, options), openSocket(own, `room=${id}`, { headers: { 'X-Forwarded-For': '10.1.0.1' } })];
  await Promise.all([once(slow, 'open'), once(sender, 'open')]);
  slow.pause();
  return { slow, sender };
}

test('unread bytes are limited per address and in all, and the members that read least go first', async () => {
  const MiB = 1024 * 1024;
  for (const [limit, most] of [['maxBufferedBytesPerAddress', 3 * MiB], ['maxBufferedBytesInAll', MiB]]) {
    await withSite({ ...generous, maxBufferedBytes: 100 * MiB, [limit]: MiB }, async (own) => {
      const [reader, friend] = [await enter(own), await enter(own)];
      const pairs = await Promise.all(Array.from({ length: 6 }, (_, index) => slowPair(own, index)));
      let heard = 0;
      friend.on('message', (data) => (heard += Number(String(data) === 'hello')));
      let peak = 0;
      const isOpen = ({ sender }) => sender.readyState === WebSocket.OPEN;
      let left = 0;
      for (const { sender } of pairs) sender.on('message', () => (left += 1));
      for (let round = 0; round < 400 && left < pairs.length - 1; round += 1) {
        for (const { sender } of pairs.filter(isOpen)) sender.send('x'.repeat(64 * 1024));
        reader.send('hello');
        await Promise.all([...pairs.map(({ sender }) => settle(sender)), settle(reader)]);
        peak = Math.max(peak, own.rooms.unreadBytes);
      }
      assert.ok(left >= pairs.length - 1, `${limit}: ${left}`);
      // One more message per address was on its way.
      assert.ok(peak > MiB / 4 && peak <= most, `${limit}: ${peak}`);
      assert.equal(friend.readyState, WebSocket.OPEN);
      assert.ok(heard > 0);
      for (const socket of [reader, friend, ...pairs.flatMap(({ slow, sender }) => [slow, sender])]) socket.terminate();
      await until(() => own.rooms.unreadBytes === 0);
    }, { trustedProxies: 1 });
  }
});

test('bytes are limited per socket and per address, and pings count', async () => {
  const kilobyte = 'x'.repeat(1000);
  await withSite({ ...generous, byteBurst: 100_000, bytesPerSecond: 1 }, async (own) => {
    const [sender, other] = [await enter(own), await enter(own)];
    let heard = 0;
    other.on('message', () => (heard += 1));
    for (let index = 0; index < 110; index += 1) sender.send(kilobyte);
    assert.equal((await closing(sender)).code, 4429);
    await settle(other);
    // The last one is the news that the sender has left.
    assert.equal(heard, 101);
    other.close();
  });
  await withSite({ ...generous, addressBytesPerSecond: 25_000 }, async (own) => {
    const sockets = await Promise.all(['a', 'b', 'c'].map((letter) => enter(own, `${letter}-0123456789abcdef`)));
    const closed = Promise.race(sockets.map(closing));
    for (let index = 0; index < 60; index += 1) for (const socket of sockets) socket.send(kilobyte);
    assert.equal((await closed).code, 4429);
    for (const socket of sockets) socket.terminate();
  });
  await withSite({ messageBurst: 20, messagesPerSecond: 1 }, async (own) => {
    const socket = await enter(own);
    for (let index = 0; index < 25; index += 1) socket.ping();
    assert.equal((await closing(socket)).code, 4429);
  });
});

test('beyond what the server forwards in all, sockets that send much wait, and the others do not', async () => {
  await withSite({ ...generous, byteBurst: 700_000, bytesPerSecond: 1, totalBytesPerSecond: 100_000 }, async (own) => {
    const [flood, sink] = [await enter(own), await enter(own)];
    const [quiet, friend] = [await enter(own, 'quiet-0123456789abcdef'), await enter(own, 'quiet-0123456789abcdef')];
    let bytes = 0;
    sink.on('message', (data) => (bytes += data.length));
    // 400 kB at once are free, the rest has to be earned. What arrived together with the last free message is forwarded with it.
    for (let index = 0; index < 60; index += 1) flood.send('x'.repeat(10_000));
    const started = performance.now();
    await until(() => bytes >= 410_000);
    quiet.send('hello');
    assert.equal(await nextText(friend), 'hello');
    assert.ok(bytes < 600_000, String(bytes));
    await until(() => bytes === 600_000);
    assert.ok(performance.now() - started > 500);
    assert.deepEqual([flood, quiet].map(({ readyState }) => readyState), [WebSocket.OPEN, WebSocket.OPEN]);
    for (const socket of [flood, sink, quiet, friend]) socket.close();
  });
});

test('a message in very many pieces is refused', async () => {
  await withSite({}, async (own) => {
    const socket = await enter(own);
    for (let index = 0; index < 100; index += 1) socket.send('x', { fin: false });
    assert.equal((await closing(socket)).code, 1008);
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

test('metrics are for programs on this machine, unless the operator decides otherwise', async () => {
  const statuses = async (options, headers) => {
    let found;
    await withSite({}, async (own) => {
      found = await Promise.all(headers.map(async (more) => (await rawGet(own, '/metrics', 'GET', more)).status));
    }, options);
    return found;
  };
  // A proxy on this machine connects from here, too.
  const proxied = [{}, { 'X-Forwarded-For': '127.0.0.1' }, { 'X-Real-IP': '9.9.9.9' }, { Forwarded: 'for=9.9.9.9' }, { Via: '1.1 x' }, { 'X-Forwarded-Host': 'x' }];
  assert.deepEqual(await statuses({}, proxied), [200, 404, 404, 404, 404, 404]);
  assert.deepEqual(await statuses({ metrics: 'anyone' }, proxied), [200, 200, 200, 200, 200, 200]);
  assert.deepEqual(await statuses({ metrics: 'nobody' }, proxied), [404, 404, 404, 404, 404, 404]);
  const other = Object.values(networkInterfaces()).flat().find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
  if (other !== undefined) {
    await withSite({}, async (own) => {
      const { port } = new URL(own.url);
      assert.equal((await fetch(`http://${other}:${port}/metrics`)).status, 404);
      assert.equal((await fetch(`http://127.0.0.1:${port}/metrics`)).status, 200);
    }, { host: '0.0.0.0' });
  }
});

test('with a token, metrics are for those who have it', async () => {
  await withSite({}, async (own) => {
    const statuses = [];
    for (const authorization of ['', 'Bearer wrong', 'Basic token', 'Bearer token']) {
      statuses.push((await rawGet(own, '/metrics', 'GET', { authorization })).status);
    }
    assert.deepEqual(statuses, [401, 401, 401, 200]);
  }, { metrics: { token: 'token' } });
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
