import type { CandidateSummary, ConnectionFailureReason, ConnectionReport, IceServerSummary } from '../api/connection_report.js';
import { familyOf, type Candidate } from './candidate.js';
import { isTurnUrl } from './configuration.js';
import type { ConnectionRecord, ServerError } from './connection_diary.js';

type Verdict = Pick<ConnectionReport, 'reason' | 'side' | 'advice'>;

/** STUN error code of browsers for a server that cannot be reached. */
const UNREACHABLE = 701;
/** TURN error codes (RFC 8656, section 19): the quota of a user is used up, and the server has no room. */
const ALLOCATION_QUOTA = 486;
const INSUFFICIENT_CAPACITY = 508;
/** A server that answers does so within this time, ms, also on slow links. */
const SILENT_MS = 5_000;

const OTHER_NETWORK = 'Use another network on one side, such as a phone’s hotspot';

/**
 * Finds the reason why a connection did not come up. Never throws: parts of the record come from the other side.
 *
 * The first rule that fits decides. Rules about this side come first, because only its causes are certain.
 */
export function diagnose(record: ConnectionRecord): ConnectionReport {
  const servers = record.servers.map((url) => summarizeServer(url, record));
  const { local, remote, states } = record;
  return {
    ...judge(record, servers),
    candidates: { local: summarize(local), remote: summarize(remote) },
    servers,
    states,
  };
}

/** The report on a session whose relay has no room for a lane. The browser may not have told why there was no relay. */
export function diagnoseFullRelay(record: ConnectionRecord): ConnectionReport {
  const report = diagnose(record);
  return report.reason === 'relay-refused' ? report : { ...report, ...fullRelay('') };
}

function judge(record: ConnectionRecord, servers: readonly IceServerSummary[]): Verdict {
  return judgeSignaling(record) ?? judgeOwnAddresses(record, servers) ?? judgeOtherSide(record, servers) ?? judgePaths(record, servers);
}

function judgeSignaling({ signalingDown }: ConnectionRecord): Verdict | undefined {
  if (!signalingDown) return undefined;
  return verdict('signaling-down', 'here', 'The server that brings the two sides together cannot be reached, or the connection to it broke. Check the network, and try again.');
}

/** What this device, its browser and its network lack. */
function judgeOwnAddresses(record: ConnectionRecord, servers: readonly IceServerSummary[]): Verdict | undefined {
  const { local, remote, relayOnly, online, localNetwork } = record;
  const hasRelay = local.some(isRelay);
  const refusal = servers.find((server) => isTurn(server) && server.state === 'refused');
  if (refusal && !hasRelay) return refusedBy(refusal);
  if (relayOnly && !hasRelay) return noRelay(servers);
  if (local.length === 0 && !online) return verdict('no-candidates', 'here', 'This device has no network. Connect it to one, and try again.');
  // A network that blocks UDP still leaves the device its own UDP address.
  if (!relayOnly && !local.some(isOwnUdp) && hasLooked(record)) {
    return verdict('blocked-by-browser', 'here', 'This browser gives the page no network address: a setting, an extension or a rule of your organisation blocks WebRTC. Allow it for this page, or use another browser.');
  }
  if (localNetwork === 'denied' && !hasRelay && isNear(local, remote)) {
    return verdict('blocked-by-browser', 'here', 'This browser does not let the page connect to devices of the local network. Allow that in the settings of this page, and try again.');
  }
  if (isUdpSilent(servers) && !hasRelay && !local.some(isMapped)) {
    return verdict('no-udp', 'here', 'This network blocks direct (UDP) connections, and no relay was reached over TCP. Use another network, such as a phone’s hotspot, or ask the operator of this service for a TURN server on TCP port 443.');
  }
  return undefined;
}

/** What the other side lacks, as far as its candidates tell. */
function judgeOtherSide({ local, remote, described, states }: ConnectionRecord, servers: readonly IceServerSummary[]): Verdict | undefined {
  if (!described) return unreachable('The other side does not answer. Check that its page is still open and that its device has a network.');
  if (states.includes('connected') || states.includes('completed')) {
    return verdict('peer-unreachable', 'unknown', 'A path to the other side was found, but it broke, or nothing came through it. Try again.');
  }
  if (remote.length === 0) return unreachable('The other side found no network address for a connection. Its page says why.');
  // The two sides mostly have the same servers: where one gets answers and the other does not, the other network is at fault.
  const answered = servers.some(({ state }) => state === 'answered');
  if (answered && local.some(isMapped) && !remote.some(isOpen)) {
    return unreachable('The network of the other side seems to block direct (UDP) connections. Use another network there, such as a phone’s hotspot, or ask the operator of this service for a TURN server on TCP port 443.');
  }
  return undefined;
}

/** Both sides have addresses, and no pair of them works. */
function judgePaths({ local, remote }: ConnectionRecord, servers: readonly IceServerSummary[]): Verdict {
  if (local.some(isRelay) || remote.some(isRelay)) {
    return unreachable('Not even the relay leads to the other side. Use another network there, such as a phone’s hotspot, and try again.');
  }
  if (hasVaryingMapping(local)) {
    return verdict('symmetric-nat', 'here', `The router of this network uses a new port for each destination (symmetric NAT), so no direct path can be found. ${OTHER_NETWORK}, or ask the operator of this service for a relay (TURN server).`);
  }
  if (hasVaryingMapping(remote)) {
    return verdict('symmetric-nat', 'there', `The router of the other side’s network uses a new port for each destination (symmetric NAT), so no direct path can be found. ${OTHER_NETWORK}, or ask the operator of this service for a relay (TURN server).`);
  }
  return noRelay(servers, isSameNetwork(local, remote));
}

function noRelay(servers: readonly IceServerSummary[], sameNetwork = false): Verdict {
  const hasTurn = servers.some(isTurn);
  const relay = hasTurn ? 'the relay (TURN server) does not answer' : 'there is no relay (TURN server)';
  if (sameNetwork) {
    return verdict('no-relay', 'unknown', `Both sides seem to be in one network, but it keeps their devices apart, as guest networks do, and ${relay}. Use another network on both sides, such as a phone’s hotspot.`);
  }
  return verdict('no-relay', 'unknown', `No direct path between the two networks exists, and ${relay}. ${OTHER_NETWORK}, or ${hasTurn ? 'tell the operator of this service' : 'ask the operator of this service for one'}.`);
}

function refusedBy({ errors }: IceServerSummary): Verdict {
  const { code } = errors.find(isRefusal) ?? { code: 0 };
  const full = code === ALLOCATION_QUOTA || code === INSUFFICIENT_CAPACITY;
  if (full) return fullRelay(` (${code})`);
  // Firefox has 65535 for codes that it does not know.
  const named = code >= 300 && code <= 699 ? ` (${code})` : '';
  return verdict('relay-refused', 'here', `The relay (TURN server) refused this side${named}. Reload the page, which gets new access to it; if that does not help, tell the operator of this service.`);
}

function fullRelay(code: string): Verdict {
  return verdict('relay-refused', 'here', `The relay (TURN server) has no room for another connection${code}. Try again in some minutes.`);
}

function unreachable(advice: string): Verdict {
  return verdict('peer-unreachable', 'there', advice);
}

function verdict(reason: ConnectionFailureReason, side: Verdict['side'], advice: string): Verdict {
  return { reason, side, advice };
}

// Servers

function summarizeServer(url: string, record: ConnectionRecord): IceServerSummary {
  const errors = distinctErrors(record.serverErrors.filter((error) => sameServer(error.url, url)));
  return { url, state: stateOf(url, errors, record), errors };
}

function stateOf(url: string, errors: IceServerSummary['errors'], { local, servers, gathered, reportsErrors, ageMs }: ConnectionRecord): IceServerSummary['state'] {
  if (local.some((candidate) => cameFrom(candidate, url, servers))) return 'answered';
  if (errors.length > 0) return errors.some(isRefusal) ? 'refused' : 'silent';
  if (!gathered) return ageMs >= SILENT_MS ? 'silent' : 'unknown';
  // Its answer was an address that was known already.
  if (reportsErrors) return 'answered';
  return local.some(({ type }) => type === (isTurnUrl(url) ? 'relay' : 'srflx')) ? 'unknown' : 'silent';
}

/** Some browsers do not name the server of a candidate: it is clear where only one can give such a candidate. */
function cameFrom(candidate: Candidate, url: string, servers: readonly string[]): boolean {
  if (candidate.type === 'host') return false;
  if (candidate.url !== undefined) return sameServer(candidate.url, url);
  const able = candidate.type === 'relay' ? servers.filter(isTurnUrl) : servers;
  return able.length === 1 && able[0] === url;
}

/** Browsers add the standard port, and the transport to the address of a TURN server. */
function sameServer(reported: string, configured: string): boolean {
  return normalize(reported) === normalize(configured);
}

function normalize(url: string): string {
  const [, scheme = '', host = '', port, query = ''] = /^(stuns?|turns?):(\[[^\]]*\]|[^:?]*)(?::(\d+))?(\?.*)?$/i.exec(url) ?? [];
  if (scheme === '') return url;
  const secure = /s$/i.test(scheme);
  const transport = /transport=tcp/i.test(query) || secure ? 'tcp' : 'udp';
  return `${scheme.toLowerCase()}:${host.toLowerCase()}:${port ?? (secure ? '5349' : '3478')}:${transport}`;
}

function distinctErrors(errors: readonly ServerError[]): IceServerSummary['errors'] {
  const byCode = new Map(errors.map(({ code, text }) => [code, { code, text }]));
  return [...byCode.values()];
}

function isRefusal({ code }: { readonly code: number }): boolean {
  return code !== UNREACHABLE;
}

function isTurn({ url }: { readonly url: string }): boolean {
  return isTurnUrl(url);
}

/** UDP servers are there, and none of them answers. A server whose name is unknown proves nothing. */
function isUdpSilent(servers: readonly IceServerSummary[]): boolean {
  const overUdp = servers.filter(({ url, errors }) => /^(stun|turn):(?!.*transport=tcp)/i.test(url) && !errors.some(({ text }) => /lookup/i.test(text)));
  return overUdp.some(({ state }) => state === 'silent') && overUdp.every(({ state }) => state === 'silent' || state === 'unknown');
}

// Candidates

/** The browser has had time to find candidates. Firefox does not even begin where it may not use any. */
function hasLooked({ gathered, states, ageMs }: ConnectionRecord): boolean {
  return gathered || states.includes('failed') || ageMs >= SILENT_MS;
}

function isRelay({ type }: Candidate): boolean {
  return type === 'relay';
}

function isMapped({ type, protocol }: Candidate): boolean {
  return type === 'srflx' && protocol === 'udp';
}

function isOwnUdp({ type, protocol }: Candidate): boolean {
  return type !== 'relay' && protocol === 'udp';
}

/** Can be reached from other networks, as far as it can be told: it came from a server, or is in no need of one. */
function isOpen({ type, protocol, address }: Candidate): boolean {
  return type === 'relay' || (protocol === 'udp' && (type !== 'host' || isPublic(address)));
}

/** False for names, and for the addresses of private and special networks. */
function isPublic(address: string): boolean {
  const family = familyOf(address);
  if (family === undefined) return false;
  if (family === 6) return /^[23]/.test(address);
  return !/^(0|10|127|169\.254|192\.168|172\.(1[6-9]|2\d|3[01])|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\./.test(address);
}

/**
 * One socket has several public ports: the router uses a new one for each destination. Where a browser hides the sockets, there
 * are more public ports than sockets.
 */
function hasVaryingMapping(candidates: readonly Candidate[]): boolean {
  const mapped = candidates.filter(isMapped);
  const ports = new Map<string, Set<string>>();
  for (const { base, foundation, address, port } of mapped) {
    const socket = `${familyOf(address)} ${base ?? foundation}`;
    ports.set(socket, (ports.get(socket) ?? new Set()).add(`${address} ${port}`));
  }
  if ([...ports.values()].some(({ size }) => size > 1)) return true;
  if (mapped.some(({ base }) => base !== undefined)) return false;
  return ([4, 6] as const).some((family) => {
    const sockets = candidates.filter(({ type, protocol, address }) => type === 'host' && protocol === 'udp' && (familyOf(address) ?? family) === family);
    const mappings = new Set(mapped.filter(({ address }) => familyOf(address) === family).map(({ address, port }) => `${address} ${port}`));
    return sockets.length > 0 && mappings.size > sockets.length;
  });
}

/** Perhaps both sides are in one local network. */
function isNear(local: readonly Candidate[], remote: readonly Candidate[]): boolean {
  return isSameNetwork(local, remote) || !(local.some(isMapped) || remote.some((candidate) => isMapped(candidate) || isRelay(candidate)));
}

/** Both sides have the same public address. */
function isSameNetwork(local: readonly Candidate[], remote: readonly Candidate[]): boolean {
  const own = new Set(local.filter(isMapped).map(({ address }) => address));
  return remote.some((candidate) => isMapped(candidate) && own.has(candidate.address));
}

function summarize(candidates: readonly Candidate[]): CandidateSummary[] {
  const summaries = new Map<string, CandidateSummary>();
  for (const { type, protocol, address, relayProtocol } of candidates) {
    const family = familyOf(address);
    const key = `${type} ${protocol} ${family} ${relayProtocol}`;
    const count = (summaries.get(key)?.count ?? 0) + 1;
    summaries.set(key, { type, protocol, family, ...(relayProtocol === undefined ? {} : { relayProtocol }), count });
  }
  return [...summaries.values()];
}
