// Servers of the system for the tests: each in a process of its own, on loopback, on ports that were free a moment ago.
import { spawn } from 'node:child_process';
import { createServer, connect } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const START_MS = 10_000;

/** `count` TCP ports that nobody listens on. */
export async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(servers.map((server) => new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function accepts(port) {
  const socket = connect(port, '127.0.0.1');
  try {
    return await new Promise((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
  } finally {
    socket.destroy();
  }
}

/** Errors: rejects with what the program said where it ends, or does not listen on all `ports` in time. */
async function startDaemon(command, args, ports) {
  // sbin is not on everybody's path.
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` };
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output = (output + data).slice(-20_000)));
  let problem = null;
  const ended = new Promise((resolve) => {
    child.once('error', (error) => resolve((problem = error.message)));
    child.once('close', (code) => resolve((problem ??= `${command} ended with ${code}: ${output}`)));
  });
  const stop = async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 3_000);
    await ended;
    clearTimeout(timer);
  };
  const deadline = Date.now() + START_MS;
  for (const port of ports) {
    while (!(await accepts(port))) {
      if (problem === null && Date.now() > deadline) problem = `${command} does not listen on ${port}: ${output}`;
      if (problem !== null) {
        await stop();
        throw new Error(problem);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  return { stop, output: () => output };
}

/**
 * An MQTT broker. `lines`: more of its configuration, for all listeners. Gives its address for programs and for pages.
 *
 * @param {{ lines?: string[], ports?: [number, number] }} [options]
 * @returns {Promise<{ url: string, webSocketUrl: string, ports: [number, number], stop: () => Promise<void> }>}
 */
export async function startMosquitto({ lines = ['allow_anonymous true'], ports } = {}) {
  const [plain, web] = ports ?? (await freePorts(2));
  const folder = await mkdtemp(join(tmpdir(), 'millrace-mosquitto-'));
  const file = join(folder, 'mosquitto.conf');
  const config = [`listener ${plain} 127.0.0.1`, `listener ${web} 127.0.0.1`, 'protocol websockets', 'persistence false', 'user root', ...lines];
  await writeFile(file, `${config.join('\n')}\n`);
  const urls = { url: `mqtt://127.0.0.1:${plain}`, webSocketUrl: `ws://127.0.0.1:${web}` };
  return keepFolder(folder, async () => ({ ...urls, ports: [plain, web], ...(await startDaemon('mosquitto', ['-c', file], [plain, web])) }));
}

/**
 * A TURN server that takes ephemeral credentials made with `secret`, and relays on loopback.
 *
 * @param {string} secret
 * @returns {Promise<{ url: string, port: number, stop: () => Promise<void>, output: () => string }>}
 */
export async function startCoturn(secret) {
  const [port] = await freePorts(1);
  const folder = await mkdtemp(join(tmpdir(), 'millrace-coturn-'));
  const args = ['-n', '--listening-ip=127.0.0.1', '--relay-ip=127.0.0.1', `--listening-port=${port}`, '--realm=millrace.test',
    '--use-auth-secret', `--static-auth-secret=${secret}`, '--allow-loopback-peers', '--no-tls', '--no-dtls', '--no-cli',
    '--log-file=stdout', '--simple-log', `--pidfile=${join(folder, 'pid')}`, `--userdb=${join(folder, 'turndb')}`];
  return keepFolder(folder, async () => ({ url: `turn:127.0.0.1:${port}`, port, ...(await startDaemon('turnserver', args, [port])) }));
}

/** The folder goes with the daemon, or when it does not start. */
async function keepFolder(folder, start) {
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const daemon = await start();
    const stop = async () => {
      await daemon.stop();
      await remove();
    };
    return { ...daemon, stop };
  } catch (error) {
    await remove();
    throw error;
  }
}
