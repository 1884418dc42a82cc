import { maxMessageSizeOf } from '../rtc/new_connection.js';
import type { WaterMarks } from '../wasm/parts.js';
import { PULSE_LANE } from '../wasm/session.js';
import { createDataChannel, type ChannelDelivery } from './data_channel.js';
import { MOST_LANES } from './lane_set_types.js';

/** How often in a row a lane that does not stay open is opened again. */
const MOST_REOPENINGS = 8;

/** A lane as far as its channel goes. */
export interface LaneChannel {
  /** The number in its label; `PULSE_LANE` for the pulse lane. */
  readonly number: number;
  readonly channel: RTCDataChannel;
  readonly listening: AbortController;
  /** It opened, and the listener took it. */
  open: boolean;
  /** Bytes of messages that go into it as soon as they have been read. */
  readingBytes: number;
}

export interface LaneChannelsOptions {
  readonly connection: RTCPeerConnection;
  /** Whether this side opens the lanes; else it takes those of the other side. */
  readonly opens: boolean;
  /** How many lanes there are to be. */
  readonly count: number;
  readonly prefix: string;
  readonly protocol: string;
  readonly delivery: ChannelDelivery;
  /** Whether a lane that closed is opened again. */
  readonly reopen: boolean;
  readonly marks: WaterMarks;
  /** A lane opened. False: it cannot be used, and is closed. `reliable`: its channel sends again what is lost. */
  readonly onopen: (lane: LaneChannel, maxMessageSize: number, reliable: boolean) => boolean;
  /** The pulse lane opened or closed. */
  readonly onpulse: (open: boolean) => void;
  /** All lanes that there are to be are open. */
  readonly onready: () => void;
  /** A lane is gone; `lane.open` says whether it had opened. */
  readonly onlost: (lane: LaneChannel) => void;
  /** Nothing can arrive any more: the last lane is gone, or the connection is. */
  readonly ondead: () => void;
  readonly onmessage: (lane: LaneChannel, data: unknown) => void;
  /** A channel has drained below its low water mark. */
  readonly onlow: () => void;
}

/** The channels of a set of lanes: opens or takes them, notices when they close, and opens them again. */
export class LaneChannels {
  readonly #options: LaneChannelsOptions;
  readonly #lanes = new Map<number, LaneChannel>();
  readonly #listening = new AbortController();
  #pulse: LaneChannel | undefined;
  #reopenings = 0;
  #closed = false;

  constructor(options: LaneChannelsOptions) {
    this.#options = options;
    const { connection, opens } = options;
    const { signal } = this.#listening;
    if (!opens) connection.addEventListener('datachannel', ({ channel }) => this.#take(channel), { signal });
    connection.addEventListener('connectionstatechange', () => this.check(), { signal });
  }

  /** Opens as many as there are to be. Errors: throws 'connection-failed' where the connection takes no channel. */
  open(): void {
    const { connection, prefix, protocol } = this.#options;
    // Before the lanes, which begin to send once they are open.
    this.#addPulse(createDataChannel(connection, { prefix: `${prefix}-pulse`, delivery: 'unreliable', protocol }));
    for (let i = 0; i < this.#options.count; i += 1) this.#create();
  }

  get(number: number): LaneChannel | undefined {
    return number === PULSE_LANE ? this.#pulse : this.#lanes.get(number);
  }

  /** Those that are open, and the pulse lane where that is. */
  get all(): LaneChannel[] {
    return this.#pulse?.open === true ? [...this.opened, this.#pulse] : this.opened;
  }

  /** Those that are connecting or open. */
  get lanes(): LaneChannel[] {
    return [...this.#lanes.values()];
  }

  /** Those that are open. */
  get opened(): LaneChannel[] {
    return this.lanes.filter(({ open }) => open);
  }

  /** Puts a message into a lane that is still there; one whose channel does not take it is lost. */
  send(lane: LaneChannel, message: Uint8Array<ArrayBuffer>): void {
    if (this.get(lane.number) !== lane) return;
    try {
      lane.channel.send(message);
    } catch {
      this.lose(lane);
    }
  }

  /** Closes a lane, and opens another one in its place where that is to be. */
  lose(lane: LaneChannel): void {
    if (lane === this.#pulse) {
      this.#losePulse(lane);
      return;
    }
    if (this.#lanes.get(lane.number) !== lane) return;
    this.#forget(lane);
    this.#options.onlost(lane);
    if (this.#mayReopen()) {
      this.#reopenings += 1;
      try {
        this.#create();
      } catch {
        // The connection is about to end, which the remaining lanes report.
      }
    }
    if (lane.open && this.opened.length === 0) this.#options.ondead();
  }

  /** Notices channels that closed without an event, as those of a closed connection do. */
  check(): void {
    const dead = ['closed', 'failed'].includes(this.#options.connection.connectionState);
    for (const lane of this.lanes) {
      if (dead || lane.channel.readyState === 'closed') this.lose(lane);
    }
    if (dead) this.#options.ondead();
  }

  /** Closes all lanes and removes every listener; none of them is reported. */
  close(): void {
    this.#closed = true;
    this.#listening.abort();
    for (const lane of this.lanes) this.#forget(lane);
    if (this.#pulse) this.#end(this.#pulse);
    this.#pulse = undefined;
  }

  #create(): void {
    const { connection, prefix, delivery, protocol, marks } = this.#options;
    this.#add(createDataChannel(connection, { prefix, delivery, protocol, bufferedAmountLowThreshold: marks.low }));
  }

  #take(channel: RTCDataChannel): void {
    const { protocol, prefix } = this.#options;
    if (channel.protocol !== protocol) return;
    if (channel.label.startsWith(`${prefix}-pulse-`)) {
      this.#addPulse(channel);
      return;
    }
    if (this.#numberOf(channel) === undefined) return;
    if (this.#lanes.size >= MOST_LANES) channel.close();
    else this.#add(channel);
  }

  #numberOf({ label }: RTCDataChannel): number | undefined {
    const start = `${this.#options.prefix}-`;
    const digits = label.startsWith(start) ? label.slice(start.length) : '';
    return /^\d{1,9}$/.test(digits) ? Number(digits) : undefined;
  }

  #add(channel: RTCDataChannel): void {
    const number = this.#numberOf(channel);
    if (number === undefined || this.#lanes.has(number)) {
      channel.close();
      return;
    }
    const lane = this.#listen(number, channel, this.#options.marks.low);
    this.#lanes.set(number, lane);
    if (channel.readyState === 'open') this.#opened(lane);
  }

  #addPulse(channel: RTCDataChannel): void {
    if (this.#pulse) {
      channel.close();
      return;
    }
    this.#pulse = this.#listen(PULSE_LANE, channel, 0);
    if (channel.readyState === 'open') this.#opened(this.#pulse);
  }

  #losePulse(pulse: LaneChannel): void {
    this.#pulse = undefined;
    this.#end(pulse);
    if (pulse.open) this.#options.onpulse(false);
  }

  #listen(number: number, channel: RTCDataChannel, lowWater: number): LaneChannel {
    channel.binaryType = 'arraybuffer';
    channel.bufferedAmountLowThreshold = lowWater;
    const lane: LaneChannel = { number, channel, listening: new AbortController(), open: false, readingBytes: 0 };
    const { signal } = lane.listening;
    channel.addEventListener('open', () => this.#opened(lane), { signal });
    channel.addEventListener('close', () => this.lose(lane), { signal });
    channel.addEventListener('error', () => this.lose(lane), { signal });
    channel.addEventListener('bufferedamountlow', () => this.#options.onlow(), { signal });
    channel.addEventListener('message', ({ data }: MessageEvent<unknown>) => lane.open && this.#options.onmessage(lane, data), { signal });
    return lane;
  }

  #opened(lane: LaneChannel): void {
    if (lane.open || this.#closed) return;
    if (lane === this.#pulse) {
      lane.open = true;
      this.#options.onpulse(true);
      return;
    }
    const { connection, count, onopen, onready } = this.#options;
    const reliable = lane.channel.maxRetransmits === null && lane.channel.maxPacketLifeTime === null;
    // Before it is reported: a listener may ask how many are open.
    lane.open = true;
    if (!onopen(lane, maxMessageSizeOf(connection), reliable)) {
      lane.open = false;
      this.lose(lane);
      return;
    }
    if (this.opened.length < count) return;
    this.#reopenings = 0;
    onready();
  }

  #mayReopen(): boolean {
    const { connection, opens, reopen } = this.#options;
    const alive = ['new', 'connecting', 'connected'].includes(connection.connectionState);
    return opens && reopen && !this.#closed && alive && this.#reopenings < MOST_REOPENINGS;
  }

  #forget(lane: LaneChannel): void {
    this.#lanes.delete(lane.number);
    this.#end(lane);
  }

  #end({ listening, channel }: LaneChannel): void {
    listening.abort();
    channel.close();
  }
}
