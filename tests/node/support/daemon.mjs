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

async function accepts(port, address) {
  const socket = connect(port, address);
  try {
    return await new Promise((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
  } finally {
    socket.destroy();
  }
}

/**
 * `more`: variables for its environment. Errors: rejects with what the program said where it ends, or does not listen on all `ports` of
 * `address` in time.
 */
export async function startDaemon(command, args, ports, { address = '127.0.0.1', more = {} } = {}) {
  // sbin is not on everybody's path.
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin`, ...more };
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
    while (!(await accepts(port, address))) {
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

/** A self-signed certificate and its key for `localhost` and 127.0.0.1, as files `cert.pem` and `key.pem` in `folder`. */
export async function makeCertificate(folder) {
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(folder, name));
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1';
  await promisify(execFile)('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
    '-subj', '/CN=localhost', '-addext', names, '-keyout', key, '-out', cert]);
  return { key, cert };
}

/**
 * coturn as docs/samples/turnserver.conf configures it, with `secret`; on other ports, on loopback, and with a certificate of its
 * own.
 *
 * @param {string} secret
 * @returns {Promise<{ port: number, tlsPort: number, stop: () => Promise<void> }>}
 */
export async function startDocumentedCoturn(secret) {
  const text = await readFile(new URL('../../../docs/samples/turnserver.conf', import.meta.url), 'utf8');
  const [port, tlsPort] = await freePorts(2);
  const folder = await mkdtemp(join(tmpdir(), 'millrace-coturn-'));
  const { key, cert } = await makeCertificate(folder);
  const own = replaceEach(text, {
    'listening-port=3478': `listening-port=${port}`,
    'tls-listening-port=443': `tls-listening-port=${tlsPort}`,
    '/etc/coturn/fullchain.pem': cert,
    '/etc/coturn/privkey.pem': key,
    'LONG-RANDOM-TEXT': secret,
  });
  const file = join(folder, 'turnserver.conf');
  // Additions: where it listens and relays in the test, and where its files are.
  const more = ['listening-ip=127.0.0.1', 'relay-ip=127.0.0.1', 'relay-ip=::1', `pidfile=${join(folder, 'pid')}`, `userdb=${join(folder, 'turndb')}`, 'log-file=stdout'];
  await writeFile(file, `${own}\n${more.join('\n')}\n`);
  return keepFolder(folder, async () => ({ port, tlsPort, ...(await startDaemon('turnserver', ['-c', file], [port, tlsPort])) }));
}

/**
 * nginx as docs/samples/nginx.conf configures it, in front of `site`; on another port and with a certificate of its own.
 *
 * @param {string} site the address of a Millrace server with TRUST_PROXY=1
 * @returns {Promise<{ url: string, stop: () => Promise<void> }>} `url`: where the site is, with the slash at the end
 */
export function startDocumentedNginx(site) {
  return startProxy('nginx.conf', site, ({ sample, port, folder, key, cert }) => {
    const own = replaceEach(sample, {
      'listen 443 ssl': `listen 127.0.0.1:${port} ssl`,
      'listen [::]:443 ssl': `listen [::1]:${port} ssl`,
      'server_name example.org': 'server_name localhost',
      '/etc/nginx/fullchain.pem': cert,
      '/etc/nginx/privkey.pem': key,
    });
    // What Debian's nginx.conf has around it, without files outside the folder.
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder};`).join(' ');
    const config = `daemon off; pid ${folder}/pid; error_log stderr; ${process.getuid() === 0 ? 'user root;' : ''} events {}
http { access_log off; ${temporary}
${own}
}`;
    return { command: 'nginx', config, args: (file) => ['-p', folder, '-c', file] };
  });
}

/**
 * Caddy as docs/samples/Caddyfile configures it; otherwise as `startDocumentedNginx`.
 *
 * @param {string} site
 * @returns {Promise<{ url: string, stop: () => Promise<void> }>}
 */
export function startDocumentedCaddy(site) {
  return startProxy('Caddyfile', site, ({ sample, port, key, cert }) => {
    const own = replaceEach(sample, { 'example.org {': `https://localhost:${port} {\n\ttls ${cert} ${key}` });
    const config = `{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}\n${own}`;
    return { command: 'caddy', config, args: (file) => ['run', '--adapter', 'caddyfile', '--config', file] };
  });
}

async function startProxy(sampleName, site, configure) {
  const text = await readFile(new URL(`../../../docs/samples/${sampleName}`, import.meta.url), 'utf8');
  const [port] = await freePorts(1);
  const folder = await mkdtemp(join(tmpdir(), 'millrace-proxy-'));
  const sample = replaceEach(text, { '127.0.0.1:8080': new URL(site).host });
  const { command, config, args } = configure({ sample, port, folder, ...(await makeCertificate(folder)) });
  const file = join(folder, sampleName);
  await writeFile(file, config);
  const url = `https://localhost:${port}/millrace/`;
  return keepFolder(folder, async () => ({ url, ...(await startDaemon(command, args(file), [port], { more: { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder } })) }));
}

/** `text` with each key of `replacements` replaced where it is a line, or a part of one. Errors: throws where one is missing. */
function replaceEach(text, replacements) {
  let result = text;
  for (const [found, replacement] of Object.entries(replacements)) {
    const pattern = new RegExp(`(?<![A-Za-z0-9-])${found.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?![A-Za-z0-9])`, 'g');
    if (!pattern.test(result)) throw new Error(`the sample does not contain ${found}`);
    result = result.replaceAll(pattern, () => replacement);
  }
  return result;
}

/** The folder goes with the daemon, or when it does not start. */
export async function keepFolder(folder, start) {
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
