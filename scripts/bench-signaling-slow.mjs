// Slow readers at the signalling server: 20,000 sockets of 300 addresses (as far as the limit of open files allows), half of which
// read nothing while others send to them. Measured are the server's memory, and the latency between the members that do read.
//
//   node scripts/bench-signaling-slow.mjs [--json] [--sockets N] [--seconds N] [--interval MS]
//
// Everything runs in a network namespace of its own, with small socket buffers: with Linux's default, the kernel would take 4 MB for
// each socket that is not read. Needs root, or user namespaces.
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import WebSocket from 'ws';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    sockets: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '25' },
    interval: { type: 'string', default: '2000' },
    inside: { type: 'boolean', default: false },
    member: { type: 'string' },
    server: { type: 'string' },
  },
});
const script = fileURLToPath(import.meta.url);
const addresses = 300;
const seconds = Number(options.seconds);
const slowMessage = 'x'.repeat(8 * 1024);
/** Each slow member sends one message in this time, ms. */
const slowIntervalMs = Number(options.interval);
/** Files that a process has open beside its sockets. */
const otherFiles = 200;
/** The default limit of unread bytes in all, for 20,000 sockets. */
const unreadBytes = 64 * 1024 * 1024;

const quantile = (sorted, share) => Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN).toFixed(2));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Sockets that one process can have, in rooms of two. */
async function possibleSockets() {
  const [, soft] = /^Max open files\s+(\d+)/m.exec(await readFile('/proc/self/limits', 'utf8'));
  const wanted = Math.min(Number(options.sockets), Number(soft) - otherFiles);
  return wanted - (wanted % 4);
}

/** Repeats this program in a network namespace. Gives its exit code. */
async function enterNamespace() {
  const prepare = 'ip link set lo up && sysctl -qw net.ipv4.tcp_rmem="4096 8192 8192" net.ipv4.tcp_wmem="4096 16384 16384" net.core.somaxconn=4096';
  const asRoot = process.getuid() === 0 ? [] : ['--user', '--map-root-user'];
  const args = [...asRoot, '--net', 'sh', '-c', `${prepare} && exec "$0" "$@"`, process.execPath, script, '--inside', ...process.argv.slice(2)];
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  const [code] = await once(spawn('unshare', args, { env, stdio: 'inherit' }), 'close');
  return code ?? 1;
}

/** Opens rooms of two, one socket of each at a time. Rooms are named after `kind`; sockets come from all addresses. */
async function fill(base, kind, count) {
  const members = [];
  for (let start = 0; start < count; start += 200) {
    const batch = Array.from({ length: Math.min(200, count - start) }, (_, index) => {
      const member = start + index;
      const host = member % addresses;
      const room = `${kind}-bench-${String(member % (count / 2)).padStart(8, '0')}`;
      const socket = new WebSocket(`${base}signal?room=${room}`, { localAddress: `127.3.${Math.floor(host / 250)}.${1 + (host % 250)}`, perMessageDeflate: false });
      socket.on('error', () => {});
      return socket;
    });
    await Promise.all(batch.map((socket) => once(socket, 'open', { signal: AbortSignal.timeout(30_000) })));
    members.push(...batch);
  }
  return members;
}

/** A process of slow members: none of them reads, and each sends to the other one of its room. */
async function runSlow(members) {
  for (const member of members) member.pause();
  const steps = 100;
  for (let step = 0; ; step = (step + 1) % steps) {
    for (let index = step; index < members.length; index += steps) {
      const member = members[index];
      // What the server does not take is no load for it.
      if (member.readyState === WebSocket.OPEN && member.bufferedAmount === 0) member.send(slowMessage);
    }
    await pause(slowIntervalMs / steps);
  }
}

/** A process of members that read: the latency of messages between the two of one room after another. */
async function runFast(members) {
  const samples = [];
  const rooms = members.length / 2;
  const text = JSON.stringify({ millrace: 1, type: 'candidate', padding: 'x'.repeat(200) });
  process.on('message', () => {
    const closed = members.filter(({ readyState }) => readyState !== WebSocket.OPEN).length;
    process.send({ samples: samples.sort((a, b) => a - b), closed });
  });
  for (let index = 0; ; index = (index + 1) % rooms) {
    const [sender, receiver] = [members[index], members[index + rooms]];
    const started = performance.now();
    const arrived = once(receiver, 'message', { signal: AbortSignal.timeout(10_000) });
    sender.send(text);
    await arrived;
    samples.push(performance.now() - started);
    await pause(2);
  }
}

/** Begins when told to. */
async function runMember(kind) {
  process.once('disconnect', () => process.exit(1));
  const members = await fill(options.server, kind, Number(options.sockets));
  process.send('full');
  await once(process, 'message');
  await (kind === 'slow' ? runSlow(members) : runFast(members));
}

async function startMembers(kind, base, count) {
  const child = fork(script, ['--member', kind, '--server', base, '--sockets', String(count), '--interval', options.interval], { stdio: 'inherit' });
  await Promise.race([
    once(child, 'message'),
    once(child, 'close').then(([code]) => {
      throw new Error(`the ${kind} members ended with ${code}`);
    }),
  ]);
  return child;
}

async function startServer(sockets) {
  const env = { ...process.env, PORT: '0', HOST: '127.0.0.1', STUN_URLS: 'none', MAX_CLIENTS_PER_ADDRESS: '100', PING_SECONDS: '10',
    // A smaller run has a smaller limit, so that it reaches it, too.
    MAX_BUFFERED_BYTES_IN_ALL: String(Math.min(unreadBytes, Math.round((unreadBytes * sockets) / 20_000))) };
  const child = spawn(process.execPath, [fileURLToPath(new URL('../dist/server.js', import.meta.url))], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data', { signal: AbortSignal.timeout(10_000) });
  return { child, url: String(line).trim().split(' ').at(-1) };
}

async function measure() {
  const sockets = await possibleSockets();
  const { child, url } = await startServer(sockets);
  const base = url.replace('http', 'ws');
  const members = [];
  let peakMb = 0;
  const residentMb = async () => Number(/^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${child.pid}/status`, 'utf8'))[1]) / 1024;
  try {
    members.push(...(await Promise.all(['slow', 'fast'].map((kind) => startMembers(kind, base, sockets / 2)))));
    const fullMb = await residentMb();
    for (const member of members) member.send('begin');
    let unread = 0;
    let gauges = '';
    for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
      await pause(200);
      peakMb = Math.max(peakMb, await residentMb());
      gauges = await (await fetch(`${url}metrics`)).text();
      unread = Math.max(unread, Number(/^millrace_unread_bytes (\d+)$/m.exec(gauges)[1]));
    }
    const [, fast] = members;
    fast.send('report');
    const [{ samples, closed }] = await once(fast, 'message');
    const row = {
      bench: 'signaling', scenario: 'slow-readers', sockets, addresses, slowReaders: sockets / 2,
      slowClosed: Number(/millrace_expelled_total\{code="4413"\} (\d+)/.exec(gauges)?.[1] ?? 0), fastClosed: closed,
      unreadMbPeak: Number((unread / 1024 / 1024).toFixed(0)), rssFullMb: Number(fullMb.toFixed(0)), rssMbPeak: Number(peakMb.toFixed(0)), limitMb: 400,
      messages: samples.length, latencyMsP50: quantile(samples, 0.5), latencyMsP95: quantile(samples, 0.95), limitMsP95: 20,
    };
    row.ok = row.slowClosed > 0 && row.fastClosed === 0 && row.rssMbPeak < row.limitMb && row.latencyMsP95 < row.limitMsP95;
    return row;
  } finally {
    for (const process of [...members, child]) process.kill('SIGKILL');
  }
}

if (options.member !== undefined) {
  await runMember(options.member);
} else if (!options.inside) {
  process.exitCode = await enterNamespace();
} else {
  const row = await measure();
  console.log(options.json ? JSON.stringify(row) : Object.entries(row).map(([key, value]) => `${key.padEnd(18)} ${value}`).join('\n'));
  process.exitCode = row.ok ? 0 : 1;
}
