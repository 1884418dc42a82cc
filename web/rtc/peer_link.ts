import { MillraceError } from '../api/errors.js';
import type { PeerConnectionClass } from '../api/options.js';
import type { ConnectionMessage } from '../signaling/envelope.js';
import { hasTurnServer } from './configuration.js';
import type { Configurations } from './configurations.js';
import type { ConnectionDiary } from './connection_diary.js';
import { fingerprintOf, hasFingerprint, type Fingerprints } from './fingerprint.js';
import { Gathering } from './gathering.js';
import { maxMessageSizeOf, newConnection, type ConnectionSetup } from './new_connection.js';

/** How this side's channel sends; each side decides for itself whether it is ordered and reliable. */
export interface ChannelKind {
  label: string;
  ordered: boolean;
  /** False: a lost message is not sent again. */
  reliable: boolean;
}

export interface PeerLinkOptions {
  rtc: Pick<Configurations, 'current' | 'refresh'>;
  /** Default: the browser's class. */
  Connection?: PeerConnectionClass | undefined;
  /** At least one. Both sides name the same ones in the same order, which gives them their ids. */
  channels: readonly ChannelKind[];
  /** True on the side that makes the first description. */
  initiator: boolean;
  /** People carry the messages: the end of the candidates does not wait for servers that do not answer. Default false. */
  patient?: boolean;
  /** Notes how the connection comes up. */
  diary?: ConnectionDiary;
  /** Sends a message to the `PeerLink` of the other side; may throw. */
  send(message: ConnectionMessage): void;
  /** Takes each channel in the task that made it: later it cannot be transferred to a worker. `index`: in `channels`. */
  attach(channel: RTCDataChannel, index: number): void;
  /** Both descriptions are set: the fingerprints will not change. Called once, before `onnegotiated`; `maxMessageSize` in bytes. */
  readonly ondescribed?: (maxMessageSize: number, fingerprints: Fingerprints) => void;
  /**
   * Both descriptions are set, and the other side's certificate has the fingerprint of its description. Called once;
   * `maxMessageSize` in bytes.
   */
  readonly onnegotiated: (maxMessageSize: number, fingerprints: Fingerprints) => void;
  /** 'disconnected' and 'failed' may end by themselves, or by `restart`. */
  onstate(state: 'connected' | 'disconnected' | 'failed'): void;
  /**
   * The connection closed without `close` being called, or cannot be set up; 'authentication-failed': the other side's
   * fingerprint or certificate changed. Called once.
   */
  onlost(error: MillraceError): void;
}

/** Candidates per description: more than any real machine has. */
const MAX_CANDIDATES = 256;
/** One description at the beginning and one for each restart: a connection that needs more has no path. */
const MAX_DESCRIPTIONS = 64;

/**
 * One connection with its negotiated channels: the control connection, or that of a lane.
 * Candidates trickle, and wait until the remote description is set.
 *
 * Each side's fingerprint must stay the same for the life of the connection, whatever the signalling says. The browser makes sure
 * that the other side's certificate has that fingerprint; if the browser exposes the certificate, this class checks it, too.
 */
export class PeerLink {
  readonly #options: PeerLinkOptions;
  readonly #connection: RTCPeerConnection;
  readonly #listening = new AbortController();
  readonly #gathering: Gathering | undefined;
  readonly #candidates: RTCIceCandidateInit[] = [];
  #candidateCount = 0;
  #descriptions = 0;
  /** The latest description of the other side, which may be repeated. */
  #remoteSdp: string | undefined;
  #remoteFingerprint: string | undefined;
  #negotiated = false;
  #steps: Promise<void> = Promise.resolve();
  #ended = false;

  /** Errors: throws 'invalid-argument' if the browser does not accept the configuration, and 'not-supported' without WebRTC. */
  constructor(options: PeerLinkOptions) {
    const { rtc, Connection, patient = false } = options;
    this.#options = options;
    this.#connection = newConnection({ rtc: rtc.current, Connection });
    options.diary?.watch(this.#connection);
    if (patient) this.#gathering = new Gathering(() => hasTurnServer(rtc.current), () => this.#sayCandidate(null));
    try {
      const channels = options.channels.map(({ label, ordered, reliable }, id) =>
        this.#connection.createDataChannel(label, { negotiated: true, id, ordered, ...(reliable ? {} : { maxRetransmits: 0 }) }),
      );
      for (const [index, channel] of channels.entries()) options.attach(channel, index);
    } catch (caught) {
      this.close();
      throw MillraceError.from(caught, 'connection-failed');
    }

    const { signal } = this.#listening;
    this.#connection.addEventListener('icecandidate', ({ candidate }) => this.#sendCandidate(candidate), { signal });
    this.#connection.addEventListener('connectionstatechange', () => this.#checkState(), { signal });
    this.#step(() => rtc.refresh(this.#connection));
    if (options.initiator) this.#step(() => this.#offer());
  }

  /** For its statistics only. */
  get connection(): RTCPeerConnection {
    return this.#connection;
  }

  get state(): RTCPeerConnectionState {
    return this.#connection.connectionState;
  }

  /** Takes a message of the other side's `PeerLink`. A description that the browser refuses ends the connection. */
  handle(message: ConnectionMessage): void {
    this.#options.diary?.hear(message);
    if (message.type === 'description') {
      // The initiator expects an answer, the other side an offer; other descriptions do not fit the state.
      if ((message.kind === 'answer') !== this.#options.initiator) return;
      this.#step(() => this.#describe(message.kind, message.sdp));
    } else if (message.candidate !== '' && this.#candidateCount < MAX_CANDIDATES) {
      this.#candidateCount += 1;
      const { candidate, sdpMid, sdpMLineIndex } = message;
      const init = { candidate, sdpMid: sdpMid ?? (sdpMLineIndex === null ? '0' : null), sdpMLineIndex };
      this.#step(() => this.#addCandidate(init));
    }
  }

  /** For the initiator: looks for another path (ICE restart, RFC 8445 section 9); `onstate` reports the result. */
  restart(): void {
    this.#step(() => this.#offer(true));
  }

  close(): void {
    this.#ended = true;
    this.#listening.abort();
    this.#gathering?.stop();
    this.#connection.close();
  }

  /** Runs the steps one after the other, in the order of arrival. */
  #step(action: () => Promise<void>): void {
    this.#steps = this.#steps.then(async () => {
      if (this.#ended) return;
      try {
        await action();
      } catch (caught) {
        this.#lose(MillraceError.from(caught, 'signaling-failed'));
      }
    });
  }

  async #offer(iceRestart = false): Promise<void> {
    if (iceRestart) await this.#options.rtc.refresh(this.#connection);
    if (this.#ended) return;
    if (!this.#options.Connection) {
      if (iceRestart) this.#connection.restartIce();
      await this.#connection.setLocalDescription();
    } else {
      // Stacks other than browsers do not make the description by themselves.
      await this.#connection.setLocalDescription(await this.#connection.createOffer({ iceRestart }));
    }
    this.#sendDescription();
  }

  async #describe(kind: 'offer' | 'answer', sdp: string): Promise<void> {
    const expected = kind === 'answer' ? 'have-local-offer' : 'stable';
    if (this.#connection.signalingState !== expected || this.#descriptions >= MAX_DESCRIPTIONS || sdp === this.#remoteSdp) return;
    this.#remoteSdp = sdp;
    this.#descriptions += 1;
    this.#candidateCount = this.#candidates.length;
    this.#checkFingerprint(sdp);
    // A further offer is an ICE restart of the other side, which this side takes part in.
    if (kind === 'offer' && this.#descriptions > 1) await this.#options.rtc.refresh(this.#connection);
    if (this.#ended) return;
    await this.#connection.setRemoteDescription({ type: kind, sdp });
    // As the browser parsed it, which counts.
    this.#checkFingerprint(this.#connection.remoteDescription?.sdp ?? '');
    if (kind === 'offer') {
      await this.#connection.setLocalDescription(this.#options.Connection && (await this.#connection.createAnswer()));
      this.#sendDescription();
    }
    if (this.#ended) return;
    if (this.#descriptions === 1) this.#tellLimits(this.#options.ondescribed);
    await this.#checkCertificate();
    for (const candidate of this.#candidates.splice(0)) await this.#addCandidate(candidate);
  }

  /** Errors: throws 'authentication-failed' if the fingerprint differs from the first one. */
  #checkFingerprint(sdp: string): void {
    const fingerprint = fingerprintOf(sdp);
    this.#remoteFingerprint ??= fingerprint;
    if (fingerprint !== this.#remoteFingerprint) {
      throw new MillraceError('authentication-failed', 'the fingerprint of the other side changed');
    }
  }

  /** Called when the certificate can be read, and after each restart. Errors: throws 'authentication-failed' for a wrong certificate. */
  async #checkCertificate(): Promise<void> {
    const fingerprint = this.#remoteFingerprint;
    if (fingerprint === undefined) return;
    const transport = this.#connection.sctp?.transport;
    // Older browsers do not expose it, and `crypto.subtle` exists in secure contexts only.
    if (typeof transport?.getRemoteCertificates === 'function' && globalThis.crypto?.subtle) {
      if (transport.state !== 'connected') {
        // The transport's own event, because the connection's may come earlier.
        const { signal } = this.#listening;
        transport.addEventListener('statechange', () => this.#step(() => this.#checkCertificate()), { signal, once: true });
        return;
      }
      const [certificate] = transport.getRemoteCertificates();
      if (!certificate || !(await hasFingerprint(certificate, fingerprint))) {
        throw new MillraceError('authentication-failed', 'the certificate of the other side does not have its fingerprint');
      }
    }
    if (this.#negotiated || this.#ended) return;
    this.#negotiated = true;
    this.#tellLimits(this.#options.onnegotiated);
  }

  #tellLimits(take: PeerLinkOptions['ondescribed']): void {
    const local = fingerprintOf(this.#connection.localDescription?.sdp ?? '');
    take?.(maxMessageSizeOf(this.#connection), { local, remote: this.#remoteFingerprint ?? '' });
  }

  async #addCandidate(candidate: RTCIceCandidateInit): Promise<void> {
    if (this.#descriptions === 0) {
      this.#candidates.push(candidate);
      return;
    }
    try {
      await this.#connection.addIceCandidate(candidate);
    } catch {
      // A candidate that this browser cannot use costs one path; the others remain.
    }
  }

  #sendDescription(): void {
    const description = this.#connection.localDescription;
    if (!description || this.#ended) return;
    const kind = description.type === 'offer' ? 'offer' : 'answer';
    this.#options.send({ type: 'description', kind, sdp: description.sdp });
  }

  #sendCandidate(candidate: RTCIceCandidate | null): void {
    // Firefox reports the end twice.
    if (candidate?.candidate === '') return;
    if (!candidate && this.#gathering) {
      this.#gathering.end();
      return;
    }
    this.#sayCandidate(candidate);
    if (candidate) this.#gathering?.found(candidate.candidate);
  }

  /** `null` is the end of the candidates, sent to the other side as an empty candidate (RFC 8838, section 14). */
  #sayCandidate(candidate: RTCIceCandidate | null): void {
    try {
      this.#options.send({
        type: 'candidate',
        candidate: candidate?.candidate ?? '',
        sdpMid: candidate?.sdpMid ?? null,
        sdpMLineIndex: candidate?.sdpMLineIndex ?? null,
      });
    } catch (caught) {
      this.#lose(MillraceError.from(caught, 'signaling-failed'));
    }
  }

  #checkState(): void {
    const state = this.#connection.connectionState;
    if (state === 'closed') this.#lose(new MillraceError('connection-lost', `${this.#options.channels[0]!.label} closed`));
    else if (state === 'connected' || state === 'disconnected' || state === 'failed') this.#options.onstate(state);
    if (state === 'connected') this.#step(() => this.#checkCertificate());
  }

  #lose(error: MillraceError): void {
    if (this.#ended) return;
    this.close();
    this.#options.onlost(error);
  }
}

/**
 * Lets the browser check a configuration long before the first connection needs it.
 * Errors: throws 'invalid-argument' where the browser does not accept `rtc`. Cost: one connection, closed at once.
 */
export function tryConfiguration({ rtc, Connection = globalThis.RTCPeerConnection }: ConnectionSetup): void {
  const { iceServers = [], ...others } = rtc;
  const isPlain = iceServers.length === 0 && Object.keys(others).length === 0;
  // Without WebRTC, the first connection reports it.
  if (Connection && !isPlain) newConnection({ rtc, Connection }).close();
}
