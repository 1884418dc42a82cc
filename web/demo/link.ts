import type { Offer, Peer, Transfer } from '../index.js';
import { codeOf } from './errors.js';
import { loadPackage } from './package.js';

export type LinkState = 'idle' | 'waiting' | 'connected' | 'reconnecting' | 'failed';

export interface LinkListener {
  onState(state: LinkState): void;
  onOffer(offer: Offer): void;
  onError(code: string, message: string): void;
}

/** Failures that another attempt may get past: the network changed, or the room is still being left by an old session. */
const passing: ReadonlySet<string> = new Set(['signaling-failed', 'connection-failed', 'connection-lost', 'timeout']);
const retryPausesMs = [500, 1000, 2000, 4000];

/** Keeps a session with whoever else is in the room: when one ends in good order or breaks, the next is waited for. */
export class Link {
  readonly #listener: LinkListener;
  readonly #signalingUrl: string;
  readonly #key: string | null;
  readonly #worker: boolean | undefined;
  #peer: Peer | null = null;
  #emoji: Readonly<Record<string, string>> = {};

  constructor(signalingUrl: string, key: string | null, worker: boolean | undefined, listener: LinkListener) {
    this.#signalingUrl = signalingUrl;
    this.#key = key;
    this.#worker = worker;
    this.#listener = listener;
    void this.#run();
  }

  get connected(): boolean {
    return this.#peer !== null;
  }

  /** False where there is no session. */
  get verified(): boolean {
    return this.#peer?.verified ?? false;
  }

  /** The words to compare, each with its picture. */
  get sas(): readonly string[] {
    return this.#peer?.sas.map((name) => `${this.#emoji[name] ?? ''} ${name}`) ?? [];
  }

  verify(): void {
    this.#peer?.verify();
  }

  /** Offers `files`. Errors: throws where there is no session, and as `Peer.send`. */
  send(files: File[]): Transfer {
    if (this.#peer === null) throw new Error('there is no session');
    return this.#peer.send(files);
  }

  /** Says goodbye, as far as there is time for it. */
  leave(): void {
    void this.#peer?.close();
  }

  async #run(): Promise<void> {
    let failures = 0;
    try {
      const { connect, sasEmoji, webSocketSignaling } = await loadPackage();
      this.#emoji = sasEmoji;
      for (;;) {
        this.#listener.onState('waiting');
        try {
          const peer = await connect({
            signaling: webSocketSignaling(this.#signalingUrl),
            ...(this.#key === null ? {} : { secret: this.#key, secretKind: 'key' as const }),
            ...(this.#worker === undefined ? {} : { worker: this.#worker }),
          });
          failures = 0;
          this.#peer = peer;
          peer.onincoming = (offer) => this.#listener.onOffer(offer);
          this.#listener.onState('connected');
          peer.addEventListener('statechange', () => {
            if (peer.state === 'connected' || peer.state === 'reconnecting') this.#listener.onState(peer.state);
          });
          await closed(peer);
          this.#peer = null;
        } catch (error) {
          const pause = retryPausesMs[failures];
          failures += 1;
          if (pause === undefined || !passing.has(codeOf(error).code)) throw error;
          await delay(pause);
        }
      }
    } catch (error) {
      this.#peer = null;
      const { code, message } = codeOf(error);
      this.#listener.onState('failed');
      this.#listener.onError(code, message);
    }
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function closed(peer: Peer): Promise<void> {
  return new Promise((resolve) => {
    const check = (): void => {
      if (peer.state === 'closed') resolve();
    };
    peer.addEventListener('statechange', check);
    check();
  });
}
