import type { CandidateType } from '../api/types.js';

/** A network address of one end of a connection, as its candidate describes it. */
export interface Candidate {
  readonly type: CandidateType;
  readonly protocol: 'udp' | 'tcp';
  /** An IP address, or a name that hides one (`….local`). */
  readonly address: string;
  readonly port: number;
  /** Equal for candidates of one type, base and protocol (RFC 8445, section 5.1.1.3). */
  readonly foundation: string;
  /** Address and port of the socket that the candidate belongs to; undefined where the browser hides them. */
  readonly base: string | undefined;
  /** The server that it came from, where the browser reports that. */
  readonly url: string | undefined;
  /** Of a relayed candidate: how its server is reached, where the browser reports that. */
  readonly relayProtocol: 'udp' | 'tcp' | 'tls' | undefined;
}

/** Properties of `RTCIceCandidate` that its text does not contain. */
export interface CandidateOrigin {
  readonly url?: unknown;
  readonly relayProtocol?: unknown;
}

const LONGEST = 2_048;

/**
 * Reads the text of a candidate (RFC 8839, section 5.1), with or without `a=`. Undefined for an invalid one: the other side's
 * signalling is not trusted.
 */
export function parseCandidate(text: string, { url, relayProtocol }: CandidateOrigin = {}): Candidate | undefined {
  const words = text.slice(0, LONGEST).trim().replace(/^a=/, '').split(/\s+/);
  const [first = '', , transport = '', , address = '', portText = '', typ, type] = words;
  const protocol = transport.toLowerCase();
  const port = Number(portText);
  if (!first.startsWith('candidate:') || typ !== 'typ' || !isCandidateType(type)) return undefined;
  if ((protocol !== 'udp' && protocol !== 'tcp') || address === '' || !Number.isInteger(port) || port < 0 || port > 65_535) return undefined;
  return {
    type,
    protocol,
    address,
    port,
    foundation: first.slice('candidate:'.length),
    base: baseOf(words.join(' ')),
    url: typeof url === 'string' && url !== '' ? url : undefined,
    relayProtocol: relayProtocol === 'udp' || relayProtocol === 'tcp' || relayProtocol === 'tls' ? relayProtocol : undefined,
  };
}

/** The candidates in a description. */
export function candidatesIn(sdp: string): Candidate[] {
  const lines = sdp.match(/^a=candidate:.*$/gm) ?? [];
  return lines.map((line) => parseCandidate(line)).filter((candidate) => candidate !== undefined);
}

/** The IP version of an address; undefined for a name. */
export function familyOf(address: unknown): 4 | 6 | undefined {
  if (typeof address !== 'string') return undefined;
  if (address.includes(':')) return 6;
  return /^\d+\.\d+\.\d+\.\d+$/.test(address) ? 4 : undefined;
}

export function isCandidateType(type: unknown): type is CandidateType {
  return type === 'host' || type === 'srflx' || type === 'prflx' || type === 'relay';
}

/** Browsers that hide host addresses write 0.0.0.0 or ::, and port 0 or 9. */
function baseOf(text: string): string | undefined {
  const [, address, port] = / raddr (\S+) rport (\d+)/.exec(text) ?? [];
  return address === undefined || /^[0:.]+$/.test(address) || port === '0' || port === '9' ? undefined : `${address} ${port}`;
}
