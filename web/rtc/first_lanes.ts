import { nextTask } from '../base/tasks.js';
import type { ConnectionMessage } from '../signaling/envelope.js';
import { FirstLaneMessages } from './first_lane_messages.js';

/** As many as the core wants at first (`LanePlanner`). */
export const FIRST_LANES = 4;

/** Once the session is connected, a lane that the other side has not answered has this time to hear of it, ms … */
const UNANSWERED_MS = 500;
/** … and one that it has answered has this time to open. */
const ANSWERED_MS = 3_000;

export interface FirstLanesOptions {
  /** At most `FIRST_LANES`. */
  readonly count: number;
  /** Sends a description with candidates through the signalling. */
  readonly say: (lane: number, messages: readonly ConnectionMessage[]) => void;
  /** Sends a message over the control connection. */
  readonly sayInBand: (lane: number, message: ConnectionMessage) => void;
  /** Makes the connection of a lane, whose messages go through `FirstLanes.send`. False: the browser makes none now. */
  readonly create: (lane: number) => boolean;
  readonly giveUp: (lane: number, detail: string) => void;
}

interface Unopened {
  readonly messages: FirstLaneMessages;
  answered: boolean;
  timer?: ReturnType<typeof setTimeout>;
}

/**
 * The lanes that are opened beside the first control connection, through the signalling (PROTOCOL.md, "First lanes"): a file's first bytes
 * need not wait for the six round trips that a lane takes afterwards. The side that makes the descriptions of the control connection opens
 * them, from number 1. They are an attempt: those that do not open soon after the session is connected are given up, and the session opens
 * others in their place.
 */
export class FirstLanes {
  readonly #options: FirstLanesOptions;
  readonly #unopened = new Map<number, Unopened>();
  /** This side opens them. */
  #offers = false;
  #phase: 'opening' | 'connected' | 'stopped' = 'opening';
  /** Those that the other side has opened here. */
  readonly #heard = new Set<number>();

  constructor(options: FirstLanesOptions) {
    this.#options = options;
  }

  get offers(): boolean {
    return this.#offers;
  }

  /** Opens them from this side, one per task, because to make a connection blocks the window for milliseconds. */
  async open(): Promise<void> {
    this.#offers = true;
    for (let lane = 1; lane <= this.#options.count; lane += 1) {
      await nextTask();
      if (this.#phase !== 'opening' || !this.#make(lane)) return;
    }
  }

  /**
   * The other side said this of a lane, in band or through the signalling, which is not trusted. An offer may open the lane here. Returns
   * false where it must not concern a lane that exists.
   */
  hear(lane: number, [first]: readonly ConnectionMessage[], isInBand: boolean): boolean {
    const isOffer = first?.type === 'description' && first.kind === 'offer';
    if (isOffer && this.#mayMake(lane, isInBand)) {
      this.#heard.add(lane);
      this.#make(lane);
    }
    const unopened = this.#unopened.get(lane);
    if (!unopened) return isInBand;
    unopened.answered = true;
    if (unopened.timer !== undefined) this.#await(lane, unopened);
    return true;
  }

  /** Sends what a lane's connection tells the other side. Returns false if it is none of the first lanes, or is open. */
  send(lane: number, message: ConnectionMessage): boolean {
    const unopened = this.#unopened.get(lane);
    unopened?.messages.send(message);
    return unopened !== undefined;
  }

  has(lane: number): boolean {
    return this.#unopened.has(lane);
  }

  /** The session is connected. */
  connected(): void {
    if (this.#phase !== 'opening') return;
    this.#phase = 'connected';
    for (const [lane, unopened] of this.#unopened) {
      unopened.messages.connected();
      if (this.#offers) this.#await(lane, unopened);
    }
  }

  /** The control connection needs a relay, which these lanes do not use. */
  giveUpAll(detail: string): void {
    for (const lane of [...this.#unopened.keys()]) this.#options.giveUp(lane, detail);
  }

  /** The lane is open or gone. */
  forget(lane: number): void {
    const unopened = this.#unopened.get(lane);
    clearTimeout(unopened?.timer);
    unopened?.messages.stop();
    this.#unopened.delete(lane);
  }

  /** The session ends, or lost its connection: no further lane is opened this way. */
  stop(): void {
    this.#phase = 'stopped';
    for (const lane of [...this.#unopened.keys()]) this.forget(lane);
  }

  #mayMake(lane: number, isInBand: boolean): boolean {
    const inTime = this.#phase === 'opening' || (this.#phase === 'connected' && isInBand);
    return inTime && !this.#offers && lane >= 1 && lane <= this.#options.count && !this.#heard.has(lane);
  }

  #make(lane: number): boolean {
    const { say, sayInBand, create } = this.#options;
    const messages = new FirstLaneMessages({
      say: (list) => say(lane, list),
      sayInBand: (message) => sayInBand(lane, message),
    });
    this.#unopened.set(lane, { messages, answered: false });
    if (create(lane)) return true;
    this.forget(lane);
    return false;
  }

  #await(lane: number, unopened: Unopened): void {
    clearTimeout(unopened.timer);
    unopened.timer = setTimeout(() => this.#options.giveUp(lane, 'it did not open in time'), unopened.answered ? ANSWERED_MS : UNANSWERED_MS);
  }
}
