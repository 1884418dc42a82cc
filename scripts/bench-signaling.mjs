// The load that the signalling server carries: 2,000 rooms and 10,000 idle sockets on loopback. Measured are its memory, the latency of
// messages between members, and how many guessed codes it looks up, while codes are guessed all the time.
//
//   node scripts/bench-signaling.mjs [--json] [--rooms N] [--per-room N] [--seconds N]
//
// The server runs as it does for users: dist/server.js in a process of its own. Sockets come from many addresses of 127.0.0.0/8.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import WebSocket from 'ws';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rooms: { type: 'string', default: '2000' },
    'per-room': { type: 'string', default: '5' },
    seconds: { type: 'string', default: '10' },
  },
});
const rooms = Number(options.rooms);
const perRoom = Number(options['per-room']);
const seconds = Number(options.seconds);
const guessers = 20;
/** What docs/server.md states for the first seconds: three at once, then pauses of 5, 10, 20 … s. */
const allowedPerAddress = [0, 0, 0, 5, 15, 35, 75, 155, 315].filter((at) => at < seconds).length;
const server = fileURLToPath(new URL('../dist/server.js', import.meta.url));

function room(index) {
  return `bench-room-${String(index).padStart(8, '0')}`;
}

/** The index-th address of loopback; from each come at most 50 sockets. */
function address(index) {
  const host = Math.floor(index / 50);
  return `127.1.${Math.floor(host / 250)}.${1 + (host % 250)}`;
}

async function startServer() {
  const env = { ...process.env, PORT: '0', HOST: '127.0.0.1', STUN_URLS: 'none', MAX_CLIENTS_PER_ROOM: String(perRoom), PING_SECONDS: '5' };
  const child = spawn(process.execPath, [server], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'close').then(() => {
      throw new Error('the server ended');
    }),
  ]);
  return { child, url: String(line).trim().split(' ').at(-1) };
}

/** Resident memory of a process, MB. */
async function residentMb(pid) {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'));
  return Number(kib) / 1024;
}

function open(url, localAddress) {
  const socket = new WebSocket(url, { localAddress, perMessageDeflate: false });
  socket.on('error', () => {});
  return socket;
}

/** One member of each room at a time, a few hundred at once: the server's backlog is finite. */
async function fill(base) {
  const members = [];
  for (let start = 0; start < rooms * perRoom; start += 200) {
    const batch = Array.from({ length: Math.min(200, rooms * perRoom - start) }, (_, index) =>
      open(`${base}signal?room=${room((start + index) % rooms)}`, address(start + index)));
    await Promise.all(batch.map((socket) => once(socket, 'open', { signal: AbortSignal.timeout(20_000) })));
    members.push(...batch);
  }
  return members;
}

/** Guesses as fast as answers come, until told to stop. Gives how many were looked at and how many were blocked. */
async function guess(base, index, isOver) {
  const counts = { looked: 0, blocked: 0, other: 0 };
  while (!isOver()) {
    const socket = open(`${base}signal?nameplate=${1 + Math.floor(Math.random() * 1000)}`, `127.2.0.${1 + index}`);
    const [code] = await once(socket, 'close');
    if (code === 4404) counts.looked += 1;
    else if (code === 4420) counts.blocked += 1;
    else counts.other += 1;
  }
  return counts;
}

/** Round trips halved would hide the way; sender and receiver are both here, so it is one way, ms. */
async function latencies(members, durationMs) {
  const samples = [];
  const end = performance.now() + durationMs;
  for (let index = 0; performance.now() < end; index = (index + 1) % rooms) {
    // The first and second member of one room.
    const [sender, receiver] = [members[index], members[index + rooms]];
    const started = performance.now();
    const arrived = once(receiver, 'message', { signal: AbortSignal.timeout(10_000) });
    sender.send(JSON.stringify({ millrace: 1, type: 'candidate', padding: 'x'.repeat(200) }));
    await arrived;
    samples.push(performance.now() - started);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return samples.sort((a, b) => a - b);
}

const quantile = (sorted, share) => Number(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))].toFixed(2));

const { child, url } = await startServer();
const base = url.replace('http', 'ws');
let exitCode;
// Whatever happens, this ends, and the server with it.
const watchdog = setTimeout(() => {
  console.error('bench-signaling: took too long');
  child.kill('SIGKILL');
  process.exit(1);
}, (seconds + 80) * 1000);
try {
  const emptyMb = await residentMb(child.pid);
  const started = performance.now();
  const members = await fill(base);
  const fillSeconds = (performance.now() - started) / 1000;
  // Idle: two rounds of pings.
  await new Promise((resolve) => setTimeout(resolve, Math.min(seconds, 11) * 1000));
  const idleMb = await residentMb(child.pid);
  let over = false;
  const guessing = Promise.all(Array.from({ length: guessers }, (_, index) => guess(base, index, () => over)));
  const samples = await latencies(members, seconds * 1000);
  over = true;
  const counts = await guessing;
  const sum = (key) => counts.reduce((total, count) => total + count[key], 0);
  const health = await fetch(`${url}metrics`).then((answer) => answer.text());
  const gauge = (name) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(health)?.[1]);
  const row = {
    bench: 'signaling',
    rooms: gauge('millrace_rooms'),
    sockets: gauge('millrace_clients'),
    fillSeconds: Number(fillSeconds.toFixed(1)),
    rssEmptyMb: Number(emptyMb.toFixed(0)),
    rssIdleMb: Number(idleMb.toFixed(0)),
    rssMb: Number((await residentMb(child.pid)).toFixed(0)),
    limitMb: 300,
    messages: samples.length,
    latencyMsP50: quantile(samples, 0.5),
    latencyMsP95: quantile(samples, 0.95),
    guesses: sum('looked') + sum('blocked') + sum('other'),
    guessesPerSecond: Number(((sum('looked') + sum('blocked')) / seconds).toFixed(0)),
    guessesLookedAt: sum('looked'),
    guessesAllowed: allowedPerAddress * guessers,
    failed: sum('other'),
  };
  row.ok =
    row.rooms === rooms && row.sockets === rooms * perRoom && row.rssIdleMb <= row.limitMb && row.rssMb <= row.limitMb &&
    row.guessesLookedAt <= row.guessesAllowed && row.failed === 0;
  exitCode = row.ok ? 0 : 1;
  console.log(options.json ? JSON.stringify(row) : Object.entries(row).map(([key, value]) => `${key.padEnd(18)} ${value}`).join('\n'));
  for (const member of members) member.terminate();
} finally {
  clearTimeout(watchdog);
  child.kill('SIGTERM');
  await once(child, 'close');
}
process.exit(exitCode);
