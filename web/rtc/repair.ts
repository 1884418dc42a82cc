import type { ControlConnectorOptions } from './control_options.js';
import type { ConnectionStep } from './in_band.js';
import type { NumberedLink } from './numbered_link.js';

/**
 * 'opening': the first connection is being set up. 'up': it works. 'restarting': ICE looks for another path for the same
 * connection. 'renewing': a new connection is being set up; it counts once the session has agreed on keys over it.
 */
export type Phase = 'opening' | 'up' | 'restarting' | 'renewing';

/** A description and more candidates than any real machine has. */
const MAX_HELD = 257;
/** An ICE restart takes a few round trips of signalling and checks; after this, ms, a new connection is tried. */
const RESTART_TIMEOUT_MS = 5_000;
/** The same for a new connection, which needs DTLS, SCTP and the handshake as well. */
const RENEW_TIMEOUT_MS = 8_000;
/** How often the other side than the initiator asks for a new connection, ms. */
const ASK_INTERVAL_MS = 2_000;
/** A new connection that fails at once is not tried again before, ms. */
const RETRY_PAUSE_MS = 1_000;

export interface RepairOptions extends Pick<ControlConnectorOptions, 'check' | 'reopenSignaling' | 'onrenew' | 'onsteady' | 'onmoved'> {
  readonly link: NumberedLink;
  /** This side makes the offers. */
  readonly initiator: boolean;
  /** Asks the other side, which makes the offers, for a restart or a new connection. */
  readonly ask: (message: { type: 'restart' | 'renew'; link: number }) => void;
  /** A repair begins, or goes on. Called before its first step; may call `stop`. */
  onbroken(): void;
}

/** Keeps a connection that was up: the phases restarting and renewing of `ControlConnector`, where the transitions are listed. */
export class Repair {
  readonly #options: RepairOptions;
  #phase: Phase = 'opening';
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** A description that came while the connection still works for this side, and its candidates. */
  #held: ConnectionStep[] = [];
  /**
   * The other side has not answered the session for a while. 'exchanged': meanwhile the two sides have begun to look for another
   * path for the same connection.
   */
  #silence: 'none' | 'silent' | 'exchanged' = 'none';
  #stopped = false;

  constructor(options: RepairOptions) {
    this.#options = options;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** The connection works, as far as this side can tell. */
  get isFine(): boolean {
    return this.#phase === 'up' && this.#silence === 'none';
  }

  /** The session has keys for the current connection. */
  established(): void {
    this.#held = [];
    this.restarted();
  }

  /** ICE found a path again, after a restart. */
  restarted(): void {
    this.#phase = 'up';
    clearTimeout(this.#timer);
    this.#options.onsteady(true);
  }

  /** As `ControlConnector.silence`. */
  silence(silent: boolean): void {
    const exchanged = this.#silence === 'exchanged';
    this.#silence = silent ? 'silent' : 'none';
    if (this.#phase !== 'up') return;
    if (silent) {
      this.#options.reopenSignaling();
      this.#lookForPath();
    } else if (exchanged) {
      this.#options.onmoved();
    }
  }

  /** Takes a step of the other side. */
  hear(message: ConnectionStep): void {
    const { link, initiator, check } = this.#options;
    const isOffer = message.type === 'description' && message.kind === 'offer';
    const mayAdopt = !initiator && this.#phase !== 'opening';
    const forThisOne = message.link === link.number;
    if (this.#phase === 'up' && !this.isFine && forThisOne) {
      this.#handleSilently(message);
    } else if (this.#phase === 'up' && mayAdopt && isOffer) {
      this.#held = [message];
      check();
    } else if (this.#phase === 'up' && this.#held[0]?.link === message.link) {
      if (this.#held.length < MAX_HELD) this.#held.push(message);
    } else if (mayAdopt && isOffer && message.link > link.number) {
      this.#adopt([message]);
    } else if (forThisOne) {
      link.handle(message);
    }
  }

  /** The other side asks for a restart or a new connection: only the side that makes the offers can do that, and not to one that works. */
  hearRequest({ type, link }: { type: 'restart' | 'renew'; link: number }): void {
    if (!this.#options.initiator || link !== this.#options.link.number || this.#phase === 'opening') return;
    if (this.isFine) this.#options.check();
    else if (type === 'renew') this.renew();
    // A side that is silent for this one has looked for a path already.
    else if (this.#phase !== 'up') this.restart();
  }

  restart(): void {
    if (this.#phase === 'restarting') return;
    this.#begin('restarting');
    if (this.#stopped) return;
    this.#setTimer(() => this.renew(), RESTART_TIMEOUT_MS);
    this.#lookForPath();
  }

  renew(): void {
    this.#begin('renewing');
    if (this.#stopped) return;
    const { link, initiator, ask } = this.#options;
    if (initiator) {
      this.#replace(link.number + 1);
      return;
    }
    const held = this.#held.splice(0);
    if (held[0] && held[0].link > link.number) {
      this.#adopt(held);
      return;
    }
    ask({ type: 'renew', link: link.number });
    this.#setTimer(() => this.renew(), ASK_INTERVAL_MS);
  }

  renewSoon(): void {
    this.#setTimer(() => this.renew(), RETRY_PAUSE_MS);
  }

  /** From now on nothing has an effect. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Takes a step of looking for another path while the session is silent. */
  #handleSilently(message: ConnectionStep): void {
    if (message.type === 'description' && this.#silence === 'silent') this.#silence = 'exchanged';
    this.#options.link.handle(message);
  }

  /** Begins an ICE restart, takes part in the one of the other side, or asks for one. */
  #lookForPath(): void {
    const { link, initiator, ask } = this.#options;
    const forThisOne = this.#held[0]?.link === link.number;
    const held = forThisOne || this.#phase !== 'up' ? this.#held.splice(0) : [];
    if (initiator) link.restart();
    else if (forThisOne) for (const step of held) this.#handleSilently(step);
    else ask({ type: 'restart', link: link.number });
  }

  /** Takes the description of a new connection, and its candidates. */
  #adopt(steps: readonly ConnectionStep[]): void {
    this.#begin('renewing');
    if (this.#stopped) return;
    this.#replace(steps[0]!.link);
    for (const step of steps) this.#options.link.handle(step);
  }

  #replace(number: number): void {
    const { link, onrenew } = this.#options;
    link.close();
    onrenew();
    this.#setTimer(() => this.renew(), RENEW_TIMEOUT_MS);
    try {
      link.open(number);
    } catch {
      // Too many connections, for example: the timer tries again.
    }
  }

  #begin(phase: 'restarting' | 'renewing'): void {
    const wasUp = this.#phase === 'up';
    this.#phase = phase;
    this.#silence = 'none';
    this.#options.reopenSignaling();
    if (wasUp) this.#options.onsteady(false);
    this.#options.onbroken();
  }

  #setTimer(action: () => void, ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(action, ms);
  }
}
