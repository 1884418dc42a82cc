/** A browser's statistics of a connection's path. Values that the browser does not report are undefined. */
export interface ConnectionStats {
  /** Both ends of the selected pair are host candidates. */
  readonly hostPair: boolean;
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
  // Firefox has none.
  const transport = [...entries.values()].find((entry) => entry['type'] === 'transport');
  const pair = selectedPair(entries, transport);
  if (!pair) return undefined;
  const typeOf = (id: unknown): unknown => entries.get(String(id))?.['candidateType'];
  const number = (name: string): number | undefined => numberOf(pair, name);
  // Over all pairs if the browser reports that: while a connection is set up, the two sides may have selected different pairs.
  const packets = (name: string): number | undefined => numberOf(transport, name) ?? number(name);
  const seconds = number('currentRoundTripTime');
  return {
    hostPair: typeOf(pair['localCandidateId']) === 'host' && typeOf(pair['remoteCandidateId']) === 'host',
    rtt: seconds === undefined ? undefined : seconds * 1000,
    bytesSent: number('bytesSent'),
    bytesReceived: number('bytesReceived'),
    packetsSent: packets('packetsSent'),
    packetsReceived: packets('packetsReceived'),
    at: (number('timestamp') ?? Infinity) - performance.timeOrigin,
  };
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
    // Firefox marks the pair with `selected`.
    if (entry['type'] !== 'candidate-pair' || entry['state'] !== 'succeeded') continue;
    if (entry['selected'] === true) return entry;
    if (entry['nominated'] === true) nominated ??= entry;
  }
  return nominated;
}
