import { MillraceError } from './errors.js';
import { Link } from './link.js';
import { parseLinkMessage, type LinkMessage } from './signaling/envelope.js';

export interface LaneConnectorOptions {
  rtc: RTCConfiguration;
  maxLanes: number;
  /** True on the side that opens lanes. */
  initiator: boolean;
  /** Carries a message to the other side's connector, in band. */
  signal(message: string): void;
  attach(lane: number, channel: RTCDataChannel): void;
  onnegotiated(lane: number, maxMessageSize: number): void;
  /** The lane's connection is gone; `opened` says whether it ever came up. */
  onlost(lane: number, error: MillraceError, opened: boolean): void;
}

/** The in-band signalling carries at most this, bytes. */
const MAX_SIGNAL_BYTES = 16 * 1024;
/** Lane numbers are 16 bits; a session that used them all opens no more. */
const MAX_LANE = 0xffff;
/** Connecting must not take longer, ms: after that a lane counts as lost. */
const OPEN_TIMEOUT_MS = 30_000;

interface Lane {
  readonly link: Link;
  readonly timer: ReturnType<typeof setTimeout>;
  opened: boolean;
}

/**
 * The bulk lanes: one peer connection each, set up through the session itself, so that the signalling server sees nothing
 * of it. Lane numbers start at 1, are given by the initiator, and never come twice.
 */
export class LaneConnector {
  readonly #options: LaneConnectorOptions;
  readonly #lanes = new Map<number, Lane>();
  #lastLane = 0;

  constructor(options: LaneConnectorOptions) {
    this.#options = options;
  }

  /** Initiator: opens one more lane and answers its number. */
  open(): number {
    const lane = this.#lastLane + 1;
    this.#create(lane);
    return lane;
  }

  /** Takes a message of the other side's connector. What makes no sense is ignored: the other side is not trusted. */
  handle(text: string): void {
    const signal = parseLaneSignal(text);
    if (!signal) return;
    const { lane, message } = signal;
    const isNew =
      !this.#options.initiator &&
      lane > this.#lastLane &&
      this.#lanes.size < this.#options.maxLanes &&
      message.type === 'description' &&
      message.kind === 'offer';
    if (isNew) this.#create(lane);
    this.#lanes.get(lane)?.link.handle(message);
  }

  /** The lane's channel is open. */
  opened(lane: number): void {
    const entry = this.#lanes.get(lane);
    if (!entry) return;
    clearTimeout(entry.timer);
    entry.opened = true;
  }

  /** Closes one lane and says whether there was one; `onlost` is not called. */
  close(lane: number): boolean {
    const entry = this.#lanes.get(lane);
    if (!entry) return false;
    clearTimeout(entry.timer);
    this.#lanes.delete(lane);
    entry.link.close();
    return true;
  }

  closeAll(): void {
    for (const lane of [...this.#lanes.keys()]) this.close(lane);
  }

  #create(lane: number): void {
    this.#lastLane = lane;
    const { rtc, initiator } = this.#options;
    let link: Link;
    try {
      link = new Link({
        rtc,
        initiator,
        label: `millrace-bulk-${lane}`,
        ordered: false,
        send: (message) => this.#send(lane, message),
        attach: (channel) => this.#options.attach(lane, channel),
        onnegotiated: (maxMessageSize) => this.#options.onnegotiated(lane, maxMessageSize),
        onlost: (error) => this.#lose(lane, error),
      });
    } catch (caught) {
      // Some browsers limit how many connections a page may have.
      this.#options.onlost(lane, MillraceError.from(caught, 'connection-failed'), false);
      return;
    }
    const timer = setTimeout(
      () => this.#lose(lane, new MillraceError('timeout', `lane ${lane} did not open`)),
      OPEN_TIMEOUT_MS,
    );
    this.#lanes.set(lane, { link, timer, opened: false });
  }

  #lose(lane: number, error: MillraceError): void {
    const entry = this.#lanes.get(lane);
    if (!entry) return;
    this.close(lane);
    this.#options.onlost(lane, error, entry.opened);
  }

  #send(lane: number, message: LinkMessage): void {
    const text = JSON.stringify({ lane, ...message });
    if (new TextEncoder().encode(text).length > MAX_SIGNAL_BYTES) {
      throw new MillraceError('too-large', `the description of lane ${lane}`);
    }
    this.#options.signal(text);
  }
}

function parseLaneSignal(text: string): { lane: number; message: LinkMessage } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const message = parseLinkMessage(value);
  if (!message || typeof value !== 'object' || value === null || !('lane' in value)) return undefined;
  const { lane } = value;
  return typeof lane === 'number' && Number.isInteger(lane) && lane >= 1 && lane <= MAX_LANE ? { lane, message } : undefined;
}
