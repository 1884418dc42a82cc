// Servers of the system for the tests: each in a process of its own, on loopback, on ports that were free a moment ago.
import { execFile, spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

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
 * The broker as docs/server.md configures it, with its users `server` and `page`, whose passwords are their names; on other
 * ports, and with its files in a folder of its own.
 *
 * @returns {Promise<{ port: number, webSocketUrl: string, stop: () => Promise<void> }>}
 */
export async function startDocumentedMosquitto() {
  const text = await readFile(new URL('../../../docs/server.md', import.meta.url), 'utf8');
  const blocks = [...text.matchAll(/^```\n([^]*?)^```$/gm)].map(([, block]) => block);
  const config = blocks.find((block) => block.includes('protocol websockets'));
  const access = blocks.find((block) => block.includes('user server'));
  const [plain, web] = await freePorts(2);
  const folder = await mkdtemp(join(tmpdir(), 'millrace-mosquitto-'));
  const file = join(folder, 'millrace.conf');
  await writeFile(join(folder, 'millrace.acl'), access);
  await promisify(execFile)('mosquitto_passwd', ['-c', '-b', join(folder, 'millrace.passwd'), 'server', 'server']);
  await promisify(execFile)('mosquitto_passwd', ['-b', join(folder, 'millrace.passwd'), 'page', 'page']);
  const own = config.replaceAll('/etc/mosquitto', folder).replace('listener 1883', `listener ${plain}`).replace('listener 9001', `listener ${web}`);
  // The one addition: this test may run as root, and the folder is root's.
  await writeFile(file, `${own}\nuser root\n`);
  return keepFolder(folder, async () => ({ port: plain, webSocketUrl: `ws://127.0.0.1:${web}`, ...(await startDaemon('mosquitto', ['-c', file], [plain, web])) }));
}

/**
 * A TURN server that takes ephemeral credentials made with `secret`, and relays on loopback. `iceServers` has one, good for an hour.
 *
 * @param {string} [secret]
 * @returns {Promise<{ url: string, port: number, iceServers: RTCIceServer[], stop: () => Promise<void> }>}
 */
export async function startCoturn(secret = randomBytes(16).toString('hex')) {
  const [port] = await freePorts(1);
  const folder = await mkdtemp(join(tmpdir(), 'millrace-coturn-'));
  const args = ['-n', '--listening-ip=127.0.0.1', '--relay-ip=127.0.0.1', `--listening-port=${port}`, '--realm=millrace.test',
    '--use-auth-secret', `--static-auth-secret=${secret}`, '--allow-loopback-peers', '--no-tls', '--no-dtls', '--no-cli',
    '--log-file=stdout', '--simple-log', `--pidfile=${join(folder, 'pid')}`, `--userdb=${join(folder, 'turndb')}`];
  const url = `turn:127.0.0.1:${port}?transport=udp`;
  const username = String(Math.floor(Date.now() / 1000) + 3600);
  const credential = createHmac('sha1', secret).update(username).digest('base64');
  const iceServers = [{ urls: url, username, credential }];
  return keepFolder(folder, async () => ({ url, port, iceServers, ...(await startDaemon('turnserver', args, [port])) }));
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
