import type { ConnectionMessage, PeerMessage } from '../signaling/envelope.js';
import type { ConnectionDiary } from './connection_diary.js';
import type { ControlConnectorOptions } from './control_options.js';
import { fromInBand, toInBand } from './in_band.js';
import { PeerLink, type PeerLinkOptions } from './peer_link.js';
import { Said } from './said.js';

/** The channels of the control connection (PROTOCOL.md). */
const CHANNELS = [
  { label: 'millrace-control', ordered: true, reliable: true },
  { label: 'millrace-pulse', ordered: false, reliable: false },
] as const;
/** The other side may ask for a repetition this often, ms: nobody can make this side exceed the server's limit of messages. */
const REPEAT_INTERVAL_MS = 1_000;

type OfConnector = 'rtc' | 'Connection' | 'pairing' | 'patient' | 'attach' | 'ondescribed' | 'onnegotiated' | 'sayInBand';

export interface NumberedLinkOptions extends Pick<ControlConnectorOptions, OfConnector>, Pick<PeerLinkOptions, 'onstate' | 'onlost'> {
  readonly diary: ConnectionDiary;
  /** The connection works, so that it carries what is said about a better path for it. */
  isFine(): boolean;
  /** Sends a message through the signalling. */
  send(message: PeerMessage): void;
}

/**
 * The control connection and its number, which messages about it carry as `link`: each new connection has the next number, and what
 * concerns an earlier one has no effect.
 */
export class NumberedLink {
  readonly #options: NumberedLinkOptions;
  #link: PeerLink | undefined;
  #number = 0;
  #said = new Said();
  #repeatedAt = -Infinity;

  constructor(options: NumberedLinkOptions) {
    this.#options = options;
  }

  get number(): number {
    return this.#number;
  }

  /** For its statistics only. */
  get connection(): RTCPeerConnection | undefined {
    return this.#link?.connection;
  }

  /** Makes the connection with this number, which is higher than before. The caller has closed the one before. Errors: as for `PeerLink`. */
  open(number: number): void {
    this.#number = number;
    const isCurrent = (): boolean => number === this.#number;
    const { rtc, Connection, pairing, diary, patient = false, attach, ondescribed, onnegotiated } = this.#options;
    const said = new Said();
    this.#said = said;
    this.#link = new PeerLink({
      diary,
      rtc,
      Connection,
      channels: CHANNELS,
      initiator: pairing.initiator,
      patient,
      send: (message) => {
        said.add(message);
        // Only a connection that looks for a better path has something to say while it works.
        if (isCurrent() && this.#options.isFine()) this.#options.sayInBand(toInBand({ ...message, link: number }));
        else this.#options.send({ ...message, link: number });
      },
      attach: (channel, index) => attach(channel, index === 0 ? 'control' : 'pulse'),
      ...(patient || number > 0 ? {} : { ondescribed }),
      onnegotiated,
      onstate: (state) => {
        if (isCurrent()) this.#options.onstate(state);
      },
      onlost: (error) => {
        if (isCurrent()) this.#options.onlost(error);
      },
    });
  }

  /** Takes a message about the current connection. */
  handle(message: ConnectionMessage): void {
    this.#link?.handle(message);
  }

  /** Takes a text for which `isInBand` is true. Invalid content, and what concerns another connection, is ignored. */
  handleInBand(text: string): void {
    const step = fromInBand(text);
    if (step?.link === this.#number) this.handle(step);
  }

  /** As `PeerLink.restart`. */
  restart(): void {
    this.#link?.restart();
  }

  /** Says again what it said about the connection, and asks the other side to do the same. */
  repeatBoth(): void {
    this.#say();
    this.#options.send({ type: 'repeat', link: this.#number });
  }

  /** The other side asked for a repetition. */
  repeat(): void {
    const now = performance.now();
    if (now - this.#repeatedAt < REPEAT_INTERVAL_MS) return;
    this.#repeatedAt = now;
    this.#say();
  }

  close(): void {
    this.#link?.close();
  }

  #say(): void {
    for (const message of this.#said.messages) this.#options.send({ ...message, link: this.#number });
  }
}
