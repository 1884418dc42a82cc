import { describe, MillraceError, toError } from '../api/errors.js';
import { check } from '../api/shape.js';
import type { FileInfo, Offer, Peer, PeerStats, SkippedFile, StreamSink, Transfer } from '../api/types.js';
import type { FromEngine } from '../engine/messages.js';
import type { EnginePort } from '../engine/port.js';
import { randomSecret, resumeSecret } from '../secrets/resume_secret.js';
import { askToKeep } from '../sinks/stored.js';
import { transferablesOf } from '../sources/combined_reader.js';
import { contentSecret } from '../sources/content_secret.js';
import type { SourceFile } from '../sources/source.js';
import { OfferImpl, type OfferAnswer } from './offer.js';
import { TransferImpl, type TransferContext } from './transfer.js';

export interface TransfersOptions {
  readonly port: EnginePort;
  /** The session, as offers name it. */
  readonly peer: Peer;
  /** The latest statistics of the session. */
  sessionStats(): PeerStats;
  /** Transfers keep logs. */
  readonly log: boolean;
  /** Returns false if the offer cannot be delivered; it is rejected then. */
  onoffer(offer: Offer): boolean;
  /** The first transfer begins. */
  onbusy(): void;
  /** The last transfer has ended, and its listeners know. */
  onidle(): void;
}

/** What the protocol allows one side to have open at once (PROTOCOL.md). */
const MOST_OPEN_TRANSFERS = 64;
const MOST_OPEN_FILES = 20_000;

/** What is offered. */
export interface ListedSource {
  /** A directory gives them later. */
  readonly files: readonly SourceFile[] | Promise<readonly SourceFile[]>;
  /** What is left out: complete once the files are there. */
  readonly skipped: readonly SkippedFile[];
}

/** Gives the way to a reader of these files that several sessions have in common; undefined where there is none. */
type OpenHub = (files: readonly SourceFile[]) => MessagePort | undefined;

interface WaitingOffer {
  readonly transfer: TransferImpl;
  readonly sources: readonly SourceFile[];
  readonly openHub: OpenHub;
  /** Undefined until it is known. */
  secret: Uint8Array | undefined;
}

/** The transfers of a session in both directions, from the page to the engine and back. */
export class Transfers {
  readonly #options: TransfersOptions;
  readonly #context: TransferContext;
  readonly #transfers = new Map<string, TransferImpl>();
  /** The functions that the page gave as sinks, by transfer. */
  readonly #streamSinks = new Map<string, StreamSink>();
  #sent = 0;
  /** Offers that wait until enough of the earlier ones have ended, in order. */
  readonly #queue: WaitingOffer[] = [];
  /** Files of each transfer that the engine has been asked to send, until that ends. */
  readonly #offered = new Map<string, number>();

  constructor(options: TransfersOptions) {
    this.#options = options;
    this.#context = {
      post: (message, transfer) => options.port.post(message, transfer),
      sessionStats: () => options.sessionStats(),
      log: options.log,
    };
  }

  /** How many have not ended. */
  get count(): number {
    return this.#transfers.size;
  }

  /** Offers files. Everything that goes wrong rejects `Transfer.done`. `openHub`: called once the files are known. */
  send({ files, skipped }: ListedSource, signal: AbortSignal | undefined, openHub: OpenHub = () => undefined): Transfer {
    this.#sent += 1;
    const transfer = new TransferImpl(`send-${this.#sent}`, 'send', this.#context, signal);
    this.#add(transfer);
    if (files instanceof Promise) {
      files.then(
        (found) => {
          transfer.skipped = skipped;
          this.#enqueue(transfer, found, openHub);
        },
        (caught: unknown) => this.#take(transfer.id)?.failed(MillraceError.from(caught, 'source-failed')),
      );
    } else {
      this.#enqueue(transfer, files, openHub);
    }
    return transfer;
  }

  /** Takes a message of the engine. Returns false if the message does not concern transfers. */
  handle(message: FromEngine): boolean {
    switch (message.type) {
      case 'offer':
        this.#receiveOffer(message.id, message.files);
        return true;
      case 'openStream':
        void this.#openStream(message.id, message.file);
        return true;
      case 'stored':
        askToKeep();
        return true;
      case 'accepted':
        this.#transfers.get(message.id)?.accepted();
        return true;
      case 'log':
        for (const transfer of this.#transfers.values()) transfer.logged(message.lines);
        return true;
      case 'paused':
        this.#transfers.get(message.id)?.pausedByPeer(message.paused);
        return true;
      case 'progress':
        for (const { id, bytes, stats } of message.transfers) this.#transfers.get(id)?.progressed(bytes, stats);
        return true;
      case 'done':
        this.#take(message.id)?.completed(message.bytes, message.files, message.folder, message.transferStats);
        return true;
      case 'failed':
        this.#take(message.id)?.failed(toError(message.code, message.detail, 'peer-error', { byPeer: message.byPeer }));
        return true;
      default:
        return false;
    }
  }

  setConnected(connected: boolean): void {
    for (const transfer of this.#transfers.values()) transfer.setConnected(connected);
  }

  /** The session is over. */
  failAll(error: MillraceError): void {
    for (const transfer of this.#transfers.values()) transfer.failed(error);
    this.#transfers.clear();
    this.#streamSinks.clear();
    this.#queue.length = 0;
    this.#offered.clear();
  }

  #enqueue(transfer: TransferImpl, sources: readonly SourceFile[], openHub: OpenHub): void {
    if (transfer.ended) {
      this.#take(transfer.id);
      return;
    }
    transfer.setFiles(sources.map(({ info }, index) => ({ id: index, ...info })));
    const offer: WaitingOffer = { transfer, sources, openHub, secret: undefined };
    const ready = (secret: Uint8Array): void => {
      offer.secret = secret;
      this.#offerNext();
    };
    this.#queue.push(offer);
    // A stream cannot be read a second time, so its transfer gets a token that nothing can resume.
    const hasStreams = transferablesOf(sources.map(({ body }) => body)).length > 0;
    const secret = hasStreams ? randomSecret() : resumeSecret();
    const sampled = hasStreams ? undefined : contentSecret(secret, sources);
    // A file that cannot be read now fails when its transfer reads it.
    if (sampled) sampled.then(ready, () => ready(secret));
    else ready(secret);
  }

  #offerNext(): void {
    for (let next = this.#queue[0]; next; next = this.#queue[0]) {
      const { transfer, sources, secret } = next;
      const mayStart = secret !== undefined && this.#hasRoomFor(sources.length);
      if (!mayStart && !transfer.ended) return;
      this.#queue.shift();
      // The engine does not know of one that ended here, and would not say so.
      if (transfer.ended) this.#take(transfer.id);
      else if (secret) this.#offer(next, secret);
    }
  }

  #hasRoomFor(files: number): boolean {
    const open = [...this.#offered.values()].reduce((sum, count) => sum + count, 0);
    return this.#offered.size < MOST_OPEN_TRANSFERS && open + files <= MOST_OPEN_FILES;
  }

  #offer({ transfer, sources, openHub }: WaitingOffer, secret: Uint8Array): void {
    const hub = openHub(sources);
    const infos = sources.map(({ info }) => info);
    const bodies = sources.map(({ body }) => body);
    this.#offered.set(transfer.id, sources.length);
    const streams = transferablesOf(bodies);
    try {
      this.#options.port.post({ type: 'send', id: transfer.id, secret, files: infos, bodies, ...(hub ? { hub } : {}) }, [...streams, ...(hub ? [hub] : [])]);
    } catch (caught) {
      this.#take(transfer.id)?.failed(MillraceError.from(caught, 'not-supported'));
    }
  }

  /** The engine is about to receive a file for a sink that is a function of the page. */
  async #openStream(id: string, file: FileInfo): Promise<void> {
    const { port } = this.#options;
    try {
      const sink = this.#streamSinks.get(id);
      if (!sink) throw new Error('the transfer has ended');
      const stream = await sink(file);
      check(typeof stream?.getWriter === 'function', 'the result of the sink function', 'a WritableStream', stream);
      port.post({ type: 'stream', id, file: file.id, stream }, [stream]);
    } catch (caught) {
      port.post({ type: 'streamFailed', id, file: file.id, detail: describe(caught) });
    }
  }

  #receiveOffer(id: string, files: readonly FileInfo[]): void {
    const transfer = new TransferImpl(id, 'receive', this.#context);
    transfer.setFiles(files);
    this.#add(transfer);
    const offer = new OfferImpl(this.#options.peer, transfer, (answer) => this.#answer(id, answer));
    if (!this.#options.onoffer(offer)) offer.reject('too many offers at once');
  }

  #answer(id: string, answer: OfferAnswer): void {
    const { port } = this.#options;
    if ('sink' in answer) {
      const { sink, directory } = answer;
      if (typeof sink === 'function') this.#streamSinks.set(id, sink);
      port.post({ type: 'accept', id, sink: typeof sink === 'function' ? 'stream' : sink, ...(directory ? { directory } : {}) });
    } else {
      port.post({ type: 'reject', id, reason: answer.reason });
      this.#take(id)?.failed(new MillraceError('rejected', answer.reason));
    }
  }

  #add(transfer: TransferImpl): void {
    this.#transfers.set(transfer.id, transfer);
    if (this.#transfers.size === 1) this.#options.onbusy();
  }

  #take(id: string): TransferImpl | undefined {
    const transfer = this.#transfers.get(id);
    this.#transfers.delete(id);
    this.#streamSinks.delete(id);
    // Later, because the transfer itself has not ended yet.
    if (this.#offered.delete(id)) queueMicrotask(() => this.#offerNext());
    // Later, when the transfer has told its own listeners that it ended.
    queueMicrotask(() => {
      if (this.#transfers.size === 0) this.#options.onidle();
    });
    return transfer;
  }
}
