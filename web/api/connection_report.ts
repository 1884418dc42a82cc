import type { CandidateType } from './types.js';

/**
 * Why no connection came up, or why a broken one could not be repaired.
 *
 * | reason | meaning |
 * |---|---|
 * | 'no-candidates' | this device has no network |
 * | 'blocked-by-browser' | the browser has a network, but gives the page no address of it, or not that of the local network |
 * | 'no-udp' | this network lets no UDP packets out, and no relay was reached in another way |
 * | 'symmetric-nat' | a router uses a new port for each destination, and there is no relay |
 * | 'relay-refused' | the TURN server answered with an error, such as 401 (credentials) or 486 (quota) |
 * | 'no-relay' | no direct path exists, and no TURN server is configured or answers |
 * | 'peer-unreachable' | everything works here, but the other side does not answer, or not over any path |
 * | 'signaling-down' | the signalling cannot be reached or broke |
 */
export type ConnectionFailureReason =
  | 'no-candidates'
  | 'no-udp'
  | 'symmetric-nat'
  | 'no-relay'
  | 'relay-refused'
  | 'peer-unreachable'
  | 'signaling-down'
  | 'blocked-by-browser';

/** Network addresses of one kind, without the addresses themselves. */
export interface CandidateSummary {
  /** How the address was found. */
  readonly type: CandidateType;
  /** The transport of the address. */
  readonly protocol: 'udp' | 'tcp';
  /** IP version; undefined where the browser hides the address behind a name. */
  readonly family: 4 | 6 | undefined;
  /** 'relay' on this side: how the TURN server is reached. Undefined where the browser does not report it. */
  readonly relayProtocol?: 'udp' | 'tcp' | 'tls' | undefined;
  /** How many there are. */
  readonly count: number;
}

/** How a STUN or TURN server answered. */
export interface IceServerSummary {
  /** As configured, without credentials. */
  readonly url: string;
  /**
   * 'refused': with an error. 'silent': not at all, or its name is unknown. 'unknown': the browser reports neither an answer nor an
   * error, for example while the server may still answer.
   */
  readonly state: 'answered' | 'refused' | 'silent' | 'unknown';
  /** STUN error codes that the browser reported, such as 401, 437 or 486; 701: the server cannot be reached. */
  readonly errors: readonly {
    /** The STUN error code. */
    readonly code: number;
    /** What the browser says about it. */
    readonly text: string;
  }[];
}

/** What is known about a connection that failed. It contains no network addresses. */
export interface ConnectionReport {
  /** The reason. */
  readonly reason: ConnectionFailureReason;
  /** The network addresses that were found on this side, and that the other side sent. */
  readonly candidates: {
    /** Of this side. */
    readonly local: readonly CandidateSummary[];
    /** Of the other side. */
    readonly remote: readonly CandidateSummary[];
  };
  /** The STUN and TURN servers of `rtc`. */
  readonly servers: readonly IceServerSummary[];
  /** What a person can do about it, in plain words. */
  readonly advice: string;
  /** Where the cause lies; 'unknown' where it may be either side. */
  readonly side: 'here' | 'there' | 'unknown';
  /** The states of ICE that this side went through, such as 'checking' and 'failed'. */
  readonly states: readonly string[];
}
