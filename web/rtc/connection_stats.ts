import type { PeerPath } from '../api/types.js';
import { familyOf, isCandidateType } from './candidate.js';

/** `PeerPath` without the round trip. */
export type ConnectionPath = Omit<PeerPath, 'roundTripMs'>;

/** A browser's statistics of a connection's path. Values that the browser does not report are undefined. */
export interface ConnectionStats {
  readonly path: ConnectionPath | undefined;
  /** Round trip of connectivity checks, ms. */
  readonly rtt: number | undefined;
  readonly bytesSent: number | undefined;
  readonly bytesReceived: number | undefined;
  readonly packetsSent: number | undefined;
  readonly packetsReceived: number | undefined;
  /** Time of the counts, on the clock of `performance.now()`; Infinity if the browser does not report it. */
  readonly at: number;
}

type Entry = Readonly<Record<string, unknown>>;

/** Reads the selected candidate pair; undefined while there is none, and once the connection is closed. */
export async function readConnection(connection: RTCPeerConnection): Promise<ConnectionStats | undefined> {
  let report: RTCStatsReport;
  try {
    report = await connection.getStats();
  } catch {
    return undefined;
  }
  const entries = new Map<string, Entry>();
  report.forEach((entry: Entry, id: string) => entries.set(id, entry));
  // Older versions of Firefox have none.
  const transport = [...entries.values()].find((entry) => entry['type'] === 'transport');
  const pair = selectedPair(entries, transport);
  if (!pair) return undefined;
  const number = (name: string): number | undefined => numberOf(pair, name);
  // Over all pairs if the browser reports that: while a connection is set up, the two sides may have selected different pairs.
  const packets = (name: string): number | undefined => numberOf(transport, name) ?? number(name);
  const seconds = number('currentRoundTripTime');
  return {
    path: pathOf(entries.get(String(pair['localCandidateId'])), entries.get(String(pair['remoteCandidateId']))),
    rtt: seconds === undefined ? undefined : seconds * 1000,
    bytesSent: number('bytesSent'),
    bytesReceived: number('bytesReceived'),
    packetsSent: packets('packetsSent'),
    packetsReceived: packets('packetsReceived'),
    at: (number('timestamp') ?? Infinity) - performance.timeOrigin,
  };
}

/** Both ends are addresses of the devices themselves. */
export function isHostPair({ path }: ConnectionStats): boolean {
  return path?.local === 'host' && path.remote === 'host';
}

function pathOf(near: Entry | undefined, far: Entry | undefined): ConnectionPath | undefined {
  const local = near?.['candidateType'];
  const remote = far?.['candidateType'];
  if (!near || !far || !isCandidateType(local) || !isCandidateType(remote)) return undefined;
  return {
    kind: local === 'relay' || remote === 'relay' ? 'relay' : 'direct',
    protocol: protocolOf(near, local),
    family: familyOf(addressOf(near)) ?? familyOf(addressOf(far)) ?? familyByPriority(near),
    local,
    remote,
  };
}

/** Between this side and its TURN server, if it uses one. */
function protocolOf(near: Entry, local: string): ConnectionPath['protocol'] {
  const protocol = local === 'relay' ? (near['relayProtocol'] ?? near['protocol']) : near['protocol'];
  return protocol === 'tcp' || protocol === 'tls' ? protocol : 'udp';
}

function addressOf(candidate: Entry): unknown {
  return candidate['address'] ?? candidate['ip'];
}

/**
 * Both ends may be hidden behind names. Chromium's priorities tell the family nevertheless: they contain the precedence of the
 * address (RFC 3484, as libwebrtc has it), which is 30 for IPv4. Firefox's do not; IPv4 is the more probable answer.
 */
function familyByPriority(candidate: Entry): 4 | 6 {
  const priority = numberOf(candidate, 'priority') ?? 0;
  const precedence = Math.floor(priority / 256) % 256;
  return precedence === 40 || precedence === 50 || precedence === 60 ? 6 : 4;
}

function numberOf(entry: Entry | undefined, name: string): number | undefined {
  const value = entry?.[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function selectedPair(entries: ReadonlyMap<string, Entry>, transport: Entry | undefined): Entry | undefined {
  const selected = transport?.['selectedCandidatePairId'];
  if (typeof selected === 'string') return entries.get(selected);
  let nominated: Entry | undefined;
  for (const entry of entries.values()) {
    // They mark the pair with `selected`.
    if (entry['type'] !== 'candidate-pair' || entry['state'] !== 'succeeded') continue;
    if (entry['selected'] === true) return entry;
    if (entry['nominated'] === true) nominated ??= entry;
  }
  return nominated;
}
