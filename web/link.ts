import { MillraceError } from './errors.js';
import type { LinkMessage } from './signaling/envelope.js';

export interface LinkOptions {
  rtc: RTCConfiguration;
  label: string;
  ordered: boolean;
  /** True on the side that makes the offer. */
  initiator: boolean;
  /** Carries a message to the `Link` of the other side; may throw. */
  send(message: LinkMessage): void;
  /** Takes the channel in the task that made it: later it cannot go to a worker any more. */
  attach(channel: RTCDataChannel): void;
  /** Both descriptions are set; `maxMessageSize` in bytes. */
  onnegotiated(maxMessageSize: number): void;
  /** The connection failed or closed without `close` being called. Called once. */
  onlost(error: MillraceError): void;
}

/** More candidates than any real machine has. */
const MAX_CANDIDATES = 256;
/** What every stack can receive, RFC 8841 section 6.1. */
const DEFAULT_MAX_MESSAGE_SIZE = 65_536;

/**
 * One peer connection with one negotiated, reliable channel: the control connection, or a lane.
 * Candidates trickle, and wait until the remote description is set.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #connection: RTCPeerConnection;
  readonly #listening = new AbortController();
  readonly #candidates: RTCIceCandidateInit[] = [];
  #candidateCount = 0;
  #steps: Promise<void> = Promise.resolve();
  #described = false;
  #ended = false;

  /** Errors: throws 'invalid-argument' when the browser does not take `rtc`, 'not-supported' without WebRTC. */
  constructor(options: LinkOptions) {
    this.#options = options;
    this.#connection = createConnection(options.rtc);
    try {
      const channel = this.#connection.createDataChannel(options.label, {
        negotiated: true,
        id: 0,
        ordered: options.ordered,
      });
      options.attach(channel);
    } catch (caught) {
      this.close();
      throw MillraceError.from(caught, 'connection-failed');
    }

    const { signal } = this.#listening;
    this.#connection.addEventListener('icecandidate', ({ candidate }) => this.#sendCandidate(candidate), { signal });
    this.#connection.addEventListener('connectionstatechange', () => this.#checkState(), { signal });
    if (options.initiator) this.#step(() => this.#offer());
  }

  /** Takes a message of the other side's `Link`. A description that the browser refuses ends the link. */
  handle(message: LinkMessage): void {
    if (message.type === 'description') {
      // The initiator waits for an answer, the other side for an offer; anything else is not for this state.
      if ((message.kind === 'answer') !== this.#options.initiator) return;
      this.#step(() => this.#describe(message.kind, message.sdp));
    } else if (message.candidate !== '' && this.#candidateCount < MAX_CANDIDATES) {
      this.#candidateCount += 1;
      const { candidate, sdpMid, sdpMLineIndex } = message;
      const init = { candidate, sdpMid: sdpMid ?? (sdpMLineIndex === null ? '0' : null), sdpMLineIndex };
      this.#step(() => this.#addCandidate(init));
    }
  }

  close(): void {
    this.#ended = true;
    this.#listening.abort();
    this.#connection.close();
  }

  /** One after the other, in the order of arrival. */
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

  async #offer(): Promise<void> {
    await this.#connection.setLocalDescription();
    this.#sendDescription();
  }

  async #describe(kind: 'offer' | 'answer', sdp: string): Promise<void> {
    if (this.#described) return;
    this.#described = true;
    await this.#connection.setRemoteDescription({ type: kind, sdp });
    if (kind === 'offer') {
      await this.#connection.setLocalDescription();
      this.#sendDescription();
    }
    if (this.#ended) return;
    this.#options.onnegotiated(this.#connection.sctp?.maxMessageSize ?? DEFAULT_MAX_MESSAGE_SIZE);
    for (const candidate of this.#candidates.splice(0)) await this.#addCandidate(candidate);
  }

  async #addCandidate(candidate: RTCIceCandidateInit): Promise<void> {
    if (!this.#described) {
      this.#candidates.push(candidate);
      return;
    }
    try {
      await this.#connection.addIceCandidate(candidate);
    } catch {
      // A candidate that this browser cannot use is one path less, and the others remain.
    }
  }

  #sendDescription(): void {
    const description = this.#connection.localDescription;
    if (!description || this.#ended) return;
    const kind = description.type === 'offer' ? 'offer' : 'answer';
    this.#options.send({ type: 'description', kind, sdp: description.sdp });
  }

  #sendCandidate(candidate: RTCIceCandidate | null): void {
    if (!candidate || candidate.candidate === '') return;
    try {
      this.#options.send({
        type: 'candidate',
        candidate: candidate.candidate,
        sdpMid: candidate.sdpMid,
        sdpMLineIndex: candidate.sdpMLineIndex,
      });
    } catch (caught) {
      this.#lose(MillraceError.from(caught, 'signaling-failed'));
    }
  }

  #checkState(): void {
    const state = this.#connection.connectionState;
    if (state === 'failed') this.#lose(new MillraceError('connection-failed', `${this.#options.label}: no path`));
    else if (state === 'closed') this.#lose(new MillraceError('connection-lost', `${this.#options.label} closed`));
  }

  #lose(error: MillraceError): void {
    if (this.#ended) return;
    this.close();
    this.#options.onlost(error);
  }
}

function createConnection(rtc: RTCConfiguration): RTCPeerConnection {
  if (typeof RTCPeerConnection === 'undefined') throw new MillraceError('not-supported', 'this browser has no WebRTC');
  try {
    return new RTCPeerConnection(rtc);
  } catch (caught) {
    throw MillraceError.from(caught, 'invalid-argument');
  }
}
