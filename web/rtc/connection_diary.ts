import type { ConnectionMessage } from '../signaling/envelope.js';
import { candidatesIn, parseCandidate, type Candidate, type CandidateOrigin } from './candidate.js';

/** An error that a STUN or TURN server, or the way to it, gave. */
export interface ServerError {
  readonly url: string;
  /** A STUN error code; 701: the server cannot be reached. */
  readonly code: number;
  readonly text: string;
}

/** Everything that is known about the set-up of one connection. */
export interface ConnectionRecord {
  /** The addresses of the configured STUN and TURN servers. */
  readonly servers: readonly string[];
  /** Only paths through a TURN server may be used. */
  readonly relayOnly: boolean;
  readonly local: readonly Candidate[];
  readonly remote: readonly Candidate[];
  readonly serverErrors: readonly ServerError[];
  /** The browser reports the errors of servers at all. */
  readonly reportsErrors: boolean;
  /** Time since the connection, or its ICE restart, began to look for candidates, ms. */
  readonly ageMs: number;
  /** The browser has found all its candidates. */
  readonly gathered: boolean;
  /** The other side's description has arrived. */
  readonly described: boolean;
  /** Of ICE, in their order, without repetitions in a row. */
  readonly states: readonly string[];
  /** The signalling reported a failure, and nothing came through it since. */
  readonly signalingDown: boolean;
  /** False: the browser knows that this device has no network. */
  readonly online: boolean;
  /** The browser's permission to connect to devices of the local network; undefined where it has no such permission. */
  readonly localNetwork: string | undefined;
}

/** The record of an attempt that had no connection yet. */
export const EMPTY_RECORD: ConnectionRecord = {
  servers: [],
  relayOnly: false,
  local: [],
  remote: [],
  serverErrors: [],
  reportsErrors: true,
  ageMs: 0,
  gathered: false,
  described: false,
  states: [],
  signalingDown: false,
  online: true,
  localNetwork: undefined,
};

/** More than any real connection has. */
const MAX_ENTRIES = 128;
const LONGEST_TEXT = 256;

/** From the moment that both descriptions are known, a path is found within this time, ms, or not at all: ICE needs a few round trips. */
const PATH_MS = 12_000;
/** A candidate that came late gets this time, ms, */
const LATE_CANDIDATE_MS = 5_000;
/** but all of them together no more than this, ms, after the descriptions: with the time to meet, both sides know within 15 s. */
const LONGEST_PATH_MS = 13_500;
/** Without any candidate of this side there is nothing to wait for. The other side has this time, ms, to hear the reason first. */
const NO_CANDIDATES_MS = 2_000;

/**
 * Notes what happens while a connection is set up: the candidates of both sides, the answers of STUN and TURN servers, and the
 * states of ICE. Each new connection, and each ICE restart, begins a new page.
 */
export class ConnectionDiary {
  readonly #onchange: () => void;
  #connection: RTCPeerConnection | undefined;
  #permission: PermissionStatus | undefined;
  #local: Candidate[] = [];
  #remote: Candidate[] = [];
  #serverErrors: ServerError[] = [];
  #states: string[] = [];
  #begunAt = 0;
  #describedAt: number | undefined;
  #candidateAt = -Infinity;
  #gatheredAt: number | undefined;
  /** A path was found. */
  #connected = false;

  /** `onchange`: `deadline` may have changed. */
  constructor(onchange: () => void = () => {}) {
    this.#onchange = onchange;
    void localNetworkPermission().then((permission) => (this.#permission = permission));
  }

  /** A new connection begins. Events of earlier ones are no longer noted. */
  watch(connection: RTCPeerConnection): void {
    this.#connection = connection;
    this.#turnPage();
    this.#remote = [];
    this.#describedAt = undefined;
    this.#connected = false;
    const note = <Name extends keyof RTCPeerConnectionEventMap>(name: Name, action: (event: RTCPeerConnectionEventMap[Name]) => void): void =>
      connection.addEventListener(name, (event) => {
        if (this.#connection !== connection) return;
        action(event);
        this.#onchange();
      });
    note('icecandidate', ({ candidate }) => this.#noteLocal(candidate));
    note('icecandidateerror', (event) => this.#noteError(event));
    note('icegatheringstatechange', () => this.#noteGathering(connection));
    for (const name of ['iceconnectionstatechange', 'connectionstatechange'] as const) note(name, () => this.#noteState(connection));
  }

  /** Takes what the other side says about the connection. */
  hear(message: ConnectionMessage): void {
    if (message.type === 'description') {
      // A candidate may overtake the first description; later ones belong to an ICE restart.
      if (this.#describedAt !== undefined) this.#remote = [];
      this.#describedAt = performance.now();
      for (const candidate of candidatesIn(message.sdp)) this.#noteCandidate(this.#remote, candidate);
    } else {
      this.#noteCandidate(this.#remote, parseCandidate(message.candidate));
    }
    this.#onchange();
  }

  /** When to give up looking for a path, on the clock of `performance.now()`; Infinity while that is open. */
  get deadline(): number {
    if (this.#describedAt === undefined || this.#connected) return Infinity;
    if (this.#local.length === 0 && this.#gatheredAt !== undefined) return Math.max(this.#describedAt, this.#gatheredAt) + NO_CANDIDATES_MS;
    const late = Math.min(this.#candidateAt + LATE_CANDIDATE_MS, this.#describedAt + LONGEST_PATH_MS);
    return Math.max(this.#describedAt + PATH_MS, late);
  }

  /** A path was found for the current connection. */
  get hasPath(): boolean {
    return this.#connected;
  }

  /** Both descriptions are known, and no path is. */
  get lacksPath(): boolean {
    return this.#describedAt !== undefined && !this.#connected;
  }

  record(signalingDown: boolean): ConnectionRecord {
    const { servers, relayOnly } = configurationOf(this.#connection);
    return {
      servers,
      relayOnly,
      local: this.#local,
      remote: this.#remote,
      serverErrors: this.#serverErrors,
      reportsErrors: this.#connection !== undefined && 'onicecandidateerror' in this.#connection,
      ageMs: performance.now() - this.#begunAt,
      gathered: this.#gatheredAt !== undefined,
      described: this.#describedAt !== undefined,
      states: this.#states,
      signalingDown,
      online: globalThis.navigator?.onLine !== false,
      localNetwork: this.#permission?.state,
    };
  }

  #turnPage(): void {
    this.#local = [];
    this.#serverErrors = [];
    this.#states = [];
    this.#begunAt = performance.now();
    this.#gatheredAt = undefined;
  }

  #noteLocal(candidate: RTCIceCandidate | null): void {
    if (candidate) this.#noteCandidate(this.#local, parseCandidate(candidate.candidate, candidate as RTCIceCandidate & CandidateOrigin));
  }

  #noteCandidate(list: Candidate[], candidate: Candidate | undefined): void {
    if (!candidate || list.length >= MAX_ENTRIES) return;
    list.push(candidate);
    this.#candidateAt = performance.now();
  }

  #noteError({ url, errorCode, errorText }: RTCPeerConnectionIceErrorEvent): void {
    if (this.#serverErrors.length >= MAX_ENTRIES) return;
    this.#serverErrors.push({ url: url ?? '', code: errorCode, text: (errorText ?? '').slice(0, LONGEST_TEXT) });
  }

  #noteGathering({ iceGatheringState }: RTCPeerConnection): void {
    if (iceGatheringState === 'complete') this.#gatheredAt = performance.now();
    // An ICE restart has new sockets.
    else if (this.#gatheredAt !== undefined) this.#turnPage();
  }

  #noteState({ iceConnectionState, connectionState }: RTCPeerConnection): void {
    const isNews = iceConnectionState && iceConnectionState !== (this.#states.at(-1) ?? 'new');
    if (isNews && this.#states.length < MAX_ENTRIES) this.#states.push(iceConnectionState);
    this.#connected ||= connectionState === 'connected' || iceConnectionState === 'connected' || iceConnectionState === 'completed';
  }
}

function configurationOf(connection: RTCPeerConnection | undefined): Pick<ConnectionRecord, 'servers' | 'relayOnly'> {
  // Some stacks cannot tell.
  const { iceServers, iceTransportPolicy } = connection?.getConfiguration?.() ?? {};
  const servers = (iceServers ?? []).flatMap(({ urls }) => urls);
  return { servers, relayOnly: iceTransportPolicy === 'relay' };
}

/** Chromium asks people before a page may connect to devices of the local network. Other browsers do not know the name. */
async function localNetworkPermission(): Promise<PermissionStatus | undefined> {
  try {
    return await globalThis.navigator?.permissions?.query({ name: 'local-network-access' as PermissionName });
  } catch {
    return undefined;
  }
}
