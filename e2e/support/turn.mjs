// A TURN server (coturn) on the loopback, in a process of its own.
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const program = process.env.TURNSERVER ?? 'turnserver';
const host = '127.0.0.1';
const startMs = 10_000;
/** A STUN Binding request, RFC 8489: no attributes, the magic cookie, an id. */
const bindingRequest = Buffer.from('000100002112a4426d696c6c7261636530303031', 'hex');

/**
 * Errors: rejects where coturn is missing or does not answer.
 *
 * @returns {Promise<{ iceServers: RTCIceServer[], stop: () => Promise<void> }>}
 */
export async function startTurn() {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-turn-'));
  const port = await freePort();
  const [username, credential] = ['millrace', 'millrace'];
  const child = spawn(
    program,
    [
      '-n', `--listening-ip=${host}`, `--relay-ip=${host}`, `--listening-port=${port}`, `--user=${username}:${credential}`,
      '--realm=millrace.test', '--lt-cred-mech', '--allow-loopback-peers', '--no-tls', '--no-dtls', '--no-cli',
      '--log-file=stdout', `--pidfile=${join(folder, 'pid')}`, `--userdb=${join(folder, 'users')}`,
    ],
    { stdio: 'ignore' },
  );
  const ended = new Promise((resolve) => {
    child.once('error', resolve);
    child.once('close', resolve);
  });
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  const failed = ended.then(() => {
    throw new Error(`${program} ended before it answered: is coturn installed?`);
  });
  try {
    await Promise.race([answered(port), failed]);
  } catch (error) {
    await stop();
    throw error;
  }
  failed.catch(() => {});
  return { iceServers: [{ urls: `turn:${host}:${port}?transport=udp`, username, credential }], stop };
}

/** @returns {Promise<number>} a UDP port that nobody has now */
async function freePort() {
  const socket = createSocket('udp4');
  await new Promise((resolve) => socket.bind(0, host, () => resolve(undefined)));
  const { port } = socket.address();
  await new Promise((resolve) => socket.close(() => resolve(undefined)));
  return port;
}

/** @param {number} port */
async function answered(port) {
  const socket = createSocket('udp4');
  let asking;
  try {
    await new Promise((resolve, reject) => {
      socket.once('message', resolve);
      // While nobody listens, the system says so.
      socket.on('error', () => {});
      asking = setInterval(() => socket.send(bindingRequest, port, host), 50);
      setTimeout(() => reject(new Error(`${program} did not answer in time`)), startMs).unref();
    });
  } finally {
    clearInterval(asking);
    socket.close();
  }
}
