// C…, N6, N8 and P5: `millrace send` and `millrace receive`, built, as programs of their own, over real connections.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startSite } from '../node/support/site.mjs';
import { bundle } from '../node/support/web_module.mjs';

const program = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
const run = promisify(execFile);
let site;
let home;
before(async () => {
  site = await startSite({ dist: '/nowhere', host: '127.0.0.1', port: 0, ice: { stunUrls: [], turnUrls: [], turnSecret: undefined, turnTtlSeconds: 600, openTurn: false } });
  home = await mkdtemp(join(tmpdir(), 'millrace-field-'));
});
after(async () => {
  await site.close();
  await rm(home, { recursive: true });
});

let folders = 0;
async function folder(files = {}) {
  folders += 1;
  const path = join(home, String(folders));
  await mkdir(path);
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(path, name, '..'), { recursive: true });
    await writeFile(join(path, name), content);
  }
  return path;
}

/** Runs the program, after a command of the shell. `lines` grows; `exit` resolves with the exit code. */
function start(args, { input, env = {}, server = site.url, shell = ':' } = {}) {
  const child = spawn('bash', ['-c', `${shell}; exec "$@"`, 'bash', process.execPath, program, ...args, '--json'], {
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, MILLRACE_SERVER: server, XDG_STATE_HOME: home, ...env },
  });
  if (input !== undefined) child.stdin.end(input);
  const lines = [];
  let errors = '';
  child.stderr.on('data', (data) => (errors += data));
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(JSON.parse(line)));
  // The signal where one ended it.
  const exit = once(child, 'close').then(([code, signal]) => code ?? signal);
  const event = async (name) => {
    for (;;) {
      const found = lines.find((line) => line.event === name);
      if (found) return found;
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`no ${name}: ${JSON.stringify(lines)} ${errors}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  return { child, lines, exit, event, errors: () => errors };
}

/** Sends and receives; both exit codes, and the lines of both. */
async function move(paths, target, options) {
  const sender = start(['send', ...paths], options);
  const { code } = await sender.event('code');
  const receiver = start(['receive', code, '--folder', target]);
  return { exits: [await sender.exit, await receiver.exit], sender, receiver };
}

/** Begins to send a large file, and kills both programs in the middle of it. */
async function breakOff(path, target) {
  const sender = start(['send', path]);
  const { code } = await sender.event('code');
  const receiver = start(['receive', code, '--folder', target]);
  for (;;) {
    const last = receiver.lines.filter(({ event }) => event === 'progress').at(-1);
    if (last && last.bytes > 12_000_000) break;
    for (const { child } of [sender, receiver]) assert.deepEqual([child.exitCode, child.signalCode], [null, null], 'it ended before it could be stopped');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  // A crash loses up to a second of writing. The sender sleeps for that time, or everything might arrive in it.
  sender.child.kill('SIGSTOP');
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  sender.child.kill('SIGKILL');
  receiver.child.kill('SIGKILL');
  await Promise.all([sender.exit, receiver.exit]);
  assert.deepEqual(await readdir(target), ['.millrace.part']);
}

test('C2: nothing stands under its name before it is verified, and the next attempt continues', async () => {
  const from = await folder({ 'big.bin': randomBytes(80_000_000) });
  const to = await folder();
  await breakOff(join(from, 'big.bin'), to);
  const again = await move([join(from, 'big.bin')], to);
  assert.deepEqual(again.exits, [0, 0]);
  const progress = again.receiver.lines.find(({ event }) => event === 'progress');
  assert.ok(progress === undefined || progress.bytes > 5_000_000, `it began at ${progress?.bytes}`);
  assert.deepEqual(await readdir(to), ['big.bin']);
  assert.ok((await readFile(join(to, 'big.bin'))).equals(await readFile(join(from, 'big.bin'))));
});

test('A10: other bytes with the same name, size and date, after an attempt that broke off: the new file, whole', async () => {
  const from = await folder({ 'big.bin': randomBytes(80_000_000) });
  const to = await folder();
  const path = join(from, 'big.bin');
  const { atime, mtime } = await stat(path);
  await breakOff(path, to);
  const bytes = randomBytes(80_000_000);
  await writeFile(path, bytes);
  await utimes(path, atime, mtime);
  assert.deepEqual((await move([path], to)).exits, [0, 0]);
  assert.deepEqual((await readdir(to)).filter((name) => !name.startsWith('.')), ['big.bin']);
  assert.ok((await readFile(join(to, 'big.bin'))).equals(bytes));
});

test('C3: a disk that is full: out-of-space on both sides, and nothing under the final name', async () => {
  const from = await folder({ 'big.bin': randomBytes(5_000_000) });
  const to = await folder();
  const sender = start(['send', join(from, 'big.bin')]);
  const { code } = await sender.event('code');
  // No file may become larger than 1 MiB, which programs notice as they notice a full disk.
  const receiver = start(['receive', code, '--folder', to], { shell: 'ulimit -f 1024' });
  assert.deepEqual([await sender.exit, await receiver.exit], [1, 1]);
  for (const { lines } of [sender, receiver]) assert.equal(lines.find(({ event }) => event === 'error').code, 'out-of-space');
  assert.ok(!JSON.stringify(sender.lines).includes(to), 'no path of the other side');
  assert.deepEqual((await readdir(to)).filter((name) => !name.startsWith('.')), []);
});

test('N6: what is there with the name of the incoming folder or file stays', async () => {
  const from = await folder({ 'photos/a.jpg': 'a', 'photos/2024/b.jpg': 'b' });
  const to = await folder({ photos: 'a file' });
  assert.deepEqual((await move([join(from, 'photos')], to)).exits, [0, 0]);
  assert.deepEqual((await move([join(from, 'photos')], to)).exits, [0, 0]);
  assert.equal(await readFile(join(to, 'photos'), 'utf8'), 'a file');
  const all = (await readdir(to, { recursive: true })).sort();
  assert.deepEqual(all, ['photos', 'photos (2)', 'photos (2)/2024', 'photos (2)/2024/b (2).jpg', 'photos (2)/2024/b.jpg', 'photos (2)/a (2).jpg', 'photos (2)/a.jpg']);
});

test('N8, P2: what cannot be sent is named before, and the rest arrives; exit code 4', async () => {
  const from = await folder({ 'd/ok.txt': 'fine' });
  await writeFile(Buffer.concat([Buffer.from(`${from}/d/caf`), Buffer.from([0xe9]), Buffer.from('.txt')]), 'coffee');
  await symlink('/etc/passwd', join(from, 'd/link'));
  await run('mkfifo', [join(from, 'd/pipe')]);
  const to = await folder();
  const { exits, sender } = await move([join(from, 'd')], to);
  assert.deepEqual(exits, [4, 0]);
  assert.deepEqual((await readdir(join(to, 'd'))).sort(), ['caf\ufffd.txt', 'ok.txt']);
  assert.equal(await readFile(join(to, 'd/caf\ufffd.txt'), 'utf8'), 'coffee');
  const named = sender.lines.filter(({ event }) => event === 'skipped').map(({ path, reason }) => `${path}: ${reason}`);
  assert.deepEqual(named, ['d/link: a symbolic link', 'd/pipe: a pipe']);
  assert.deepEqual(sender.lines.filter(({ event }) => event === 'renamed').map(({ path }) => path), ['d/caf\ufffd.txt']);
  assert.ok(sender.lines.findIndex(({ event }) => event === 'skipped') < sender.lines.findIndex(({ event }) => event === 'code'));
});

test('P5: standard input, pipes and files of /proc have their content; devices, empty folders and missing files are refused', async () => {
  const to = await folder();
  const content = randomBytes(300_000);
  assert.deepEqual((await move(['-', '/proc/version'], to, { input: content })).exits, [0, 0]);
  assert.ok((await readFile(join(to, 'standard input'))).equals(content));
  assert.equal(await readFile(join(to, 'version'), 'utf8'), await readFile('/proc/version', 'utf8'));
  const empty = await folder();
  for (const [path, words] of [['/dev/zero', /a device/], [empty, /nothing to send/], ['/no/such/file', /no such file/]]) {
    const refused = start(['send', path]);
    assert.equal(await refused.exit, 2);
    assert.match(refused.lines.find(({ event }) => event === 'error').message, words);
  }
});

test('C1: a server below a path, with and without a slash', async () => {
  const proxy = createServer();
  const seen = [];
  proxy.on('upgrade', (request, socket) => {
    seen.push(request.url);
    const { port } = new URL(site.url);
    const upstream = connect(Number(port), '127.0.0.1', () => {
      const lines = [`${request.method} ${request.url.replace('/millrace/', '/')} HTTP/1.1`];
      for (let i = 0; i < request.rawHeaders.length; i += 2) lines.push(`${request.rawHeaders[i]}: ${request.rawHeaders[i + 1]}`);
      upstream.write(`${lines.join('\r\n')}\r\n\r\n`);
      socket.pipe(upstream).pipe(socket);
    });
    for (const each of [socket, upstream]) each.on('error', () => {});
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  for (const end of ['', '/']) {
    const sender = start(['send', program], { server: `http://127.0.0.1:${proxy.address().port}/millrace${end}` });
    await sender.event('code');
    sender.child.kill('SIGINT');
    assert.equal(await sender.exit, 130);
  }
  assert.ok(seen.every((url) => url.startsWith('/millrace/signal?')));
  proxy.close();
});

test('C4: a code as it is copied; a word that no code has is refused before an attempt', async () => {
  const { findCode } = await bundle("export { findCode } from './cli/code.js';");
  for (const text of ['7-crossover-clockwork.', '“7-crossover-clockwork”', 'Code: 7-Crossover-CLOCKWORK', '(7 crossover clockwork)', ' 7\u2212crossover\u2212clockwork!', '７-crossover_clockwork',
    '\u200b7-crossover-clockwork,', '„7 – crossover – clockwork‟']) {
    assert.equal(findCode(text), '7-crossover-clockwork', text);
  }
  for (const text of ['7', 'crossover-clockwork', '7-crossover', '', '0-crossover-clockwork']) assert.equal(findCode(text), undefined, text);
  const wrong = start(['receive', '7', 'abandom', 'zoo']);
  assert.equal(await wrong.exit, 2);
  assert.match(wrong.lines.find(({ event }) => event === 'error').message, /"abandom": is it "abandon"\?.*not used up/);
});

test('C5: HTTPS_PROXY and HTTP_PROXY lead to the server, NO_PROXY does not; what fails says why', async () => {
  const targets = [];
  const proxy = createServer();
  proxy.on('connect', (request, socket) => {
    targets.push(request.url);
    const { hostname, port } = new URL(site.url);
    const upstream = connect(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(upstream).pipe(socket);
    });
    for (const each of [socket, upstream]) each.on('error', () => {});
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  const env = { http_proxy: `http://127.0.0.1:${proxy.address().port}`, no_proxy: '' };
  const sender = start(['send', program], { server: 'http://millrace.test:8080/', env });
  await sender.event('code');
  assert.deepEqual([...new Set(targets)], ['millrace.test:8080']);
  sender.child.kill('SIGINT');
  await sender.exit;
  proxy.close();

  const { proxyFor } = await bundle("export { proxyFor } from './cli/proxy.js';");
  const given = { HTTPS_PROXY: 'proxy.example.org:3128', NO_PROXY: 'localhost, .example.com' };
  assert.equal(proxyFor(new URL('wss://a.org/'), given).href, 'http://proxy.example.org:3128/');
  assert.equal(proxyFor(new URL('wss://a.example.com/'), given), undefined);
  assert.equal(proxyFor(new URL('ws://a.org/'), given), undefined);

  const refused = start(['send', program], { server: 'http://127.0.0.1:9/' });
  assert.equal(await refused.exit, 1);
  assert.match(refused.lines.find(({ event }) => event === 'error').message, /nothing listens at 127\.0\.0\.1 port 9/);
});
