// coturn with the addresses of the laboratory.
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keepFolder, startDaemon } from '../../node/support/daemon.mjs';
import { servers, SPARE_PORT, STUN_PORT, TLS_PORT, TURN_NAME } from './addresses.mjs';

const user = { name: 'millrace', password: 'laboratory' };

/**
 * What a page gets: STUN at two addresses; TURN over UDP, TCP, and TLS at port 443. Chromium resolves the
 * names of UDP servers with DNS only, which is not there; Firefox refuses TLS servers without a name.
 *
 * @param {4 | 6} family @param {{ stun: boolean, turn: boolean }} which @param {string} [credential] @returns {RTCIceServer[]}
 */
export function iceServersOf(family, which, credential = user.password) {
  const [turn, stun] = [servers.turn, servers.stun].map(({ four, six }) => (family === 6 ? `[${six}]` : four));
  const relay = [`turn:${turn}:${STUN_PORT}?transport=udp`, `turn:${turn}:${STUN_PORT}?transport=tcp`, `turns:${TURN_NAME}:${TLS_PORT}?transport=tcp`];
  return [
    ...(which.stun ? [{ urls: [`stun:${turn}:${STUN_PORT}`, `stun:${stun}:${STUN_PORT}`] }] : []),
    ...(which.turn ? [{ urls: relay, username: user.name, credential }] : []),
  ];
}

/** One TURN server at `address`. @param {string} address @param {'udp' | 'tcp'} transport @param {number} [port] @returns {RTCIceServer} */
export function turnServer(address, transport, port = STUN_PORT) {
  return { urls: `turn:${address}:${port}?transport=${transport}`, username: user.name, credential: user.password };
}

/**
 * `quota`: allocations per user; 0 for any number.
 *
 * @param {{ certificate: string, key: string, quota?: number }} options
 */
export function startLabCoturn(options) {
  const { turn, stun } = servers;
  return startAt([turn.four, turn.six, stun.four, stun.six], [turn.four, turn.six], [STUN_PORT, TLS_PORT], options);
}

/** A second server, at the second address for STUN, without TLS. Otherwise as `startLabCoturn`. @param {{ certificate: string, key: string, quota?: number }} options */
export function startSpareCoturn(options) {
  const { four } = servers.stun;
  return startAt([four], [four], [SPARE_PORT], options);
}

/**
 * @param {readonly string[]} listening @param {readonly string[]} relays @param {readonly number[]} ports The last one, of two, is for TLS.
 * @param {{ certificate: string, key: string, quota?: number }} options
 */
async function startAt(listening, relays, ports, { certificate, key, quota = 0 }) {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-coturn-'));
  const [port, tlsPort] = ports;
  const args = [
    '-n', ...listening.map((address) => `--listening-ip=${address}`), ...relays.map((address) => `--relay-ip=${address}`),
    `--listening-port=${port}`, ...(tlsPort === undefined ? ['--no-tls'] : [`--tls-listening-port=${tlsPort}`]),
    `--cert=${certificate}`, `--pkey=${key}`, '--realm=millrace.test', '--lt-cred-mech', `--user=${user.name}:${user.password}`,
    `--user-quota=${quota}`, '--no-dtls', '--no-cli', '--log-file=stdout', '--simple-log', `--pidfile=${join(folder, 'pid')}`, `--userdb=${join(folder, 'turndb')}`,
  ];
  return keepFolder(folder, () => startDaemon('turnserver', args, [...ports], { address: listening[0] }));
}
