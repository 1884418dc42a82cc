import { expect, type Page } from '@playwright/test';
import type { ConnectionReport } from '../../web/api/connection_report.js';
import type { PeerPath, TransferStats } from '../../web/api/types.js';
import type { MessagesApi } from './messages_api.js';

/** The functions of e2e/pages/bare.js, called from here with plain data. */
export interface BareApi extends MessagesApi {
  connect(options: {
    room?: string;
    worker?: boolean;
    signaling?: 'socket' | 'broadcast' | 'mqtt' | 'manual' | 'channel' | 'kept';
    nameplate?: string;
    broker?: string;
    invitation?: string;
    abortAfterMs?: number | null;
    abortBefore?: boolean;
    lanes?: { min?: number; max?: number };
    delivery?: 'reliable' | 'unreliable';
    /** Bytes a second. */
    bandwidthLimit?: number;
    waterMarks?: { high: number; low: number };
    rtc?: RTCConfiguration | 'asked';
    secret?: string;
    secretKind?: 'key' | 'code';
    privacy?: boolean;
    encryption?: boolean;
    log?: boolean;
  }): Promise<PlainFailure | null>;
  untilGreeted(): Promise<boolean>;
  verify(): void;
  signalled(): string[];
  copiesOf(hex: string): { made: number; left: number };
  createCode(): Promise<string>;
  createLinkKey(bits?: 128 | 256): string;
  normalizeCode(text: string): string;
  handshakes(): { duration: number; cpuMs: number }[];
  watchWire(text: string): void;
  wire(): { messages: number; hits: number };
  paths(): Promise<(string | undefined)[]>;
  untilPath(): Promise<PeerPath>;
  pathEvents(): PeerPath[];
  routes(): Promise<Route[]>;
  text(): Promise<string>;
  answer(text: string): Promise<void>;
  waitWithCode(): Promise<string>;
  setIce(configuration: RTCConfiguration): void;
  askedForIce(): number;
  ice(): Promise<RTCIceServer[]>;
  peer(): { sas: string[]; pictures: string[]; verified: boolean; encrypted: boolean; state: string; states: string[]; stats: { worker: boolean; path: PeerPath | null; lanes: { lane: number; state: string; bytesSent: number; reliable: boolean }[]; receivePoolBytes: number; wasmBytes: number } };
  untilState(state: string): Promise<boolean>;
  log(): string[];
  untilLog(text: string): Promise<boolean>;
  closePeer(): Promise<void>;
  connectionsMade(): number;
  keepRelay(server: RTCIceServer): Promise<void>;
  abortSession(): void;
  untilClosed(): Promise<boolean>;
  prepare(sizes: number[], seed: number): void;
  prepareText(text: string, times: number, seed: number): void;
  send(seed: number): number;
  sendAndLeave(seed: number): number;
  sendStream(size: number, seed: number): number;
  sendEndless(size: number): number;
  sendSlowly(size: number, bytesPerSecond: number): number;
  progressOf(transfer: number): { bytes: number; longestSilenceMs: number };
  statsOf(transfer: number): Omit<TransferStats, 'lanes'>;
  logOf(transfer: number): string;
  sendDirectory(name: string, files: [path: string, size: number][], seed: number): Promise<number>;
  sendChosen(): number;
  listStored(): Promise<{ state: string; bytes: number; totalBytes: number | null; files: { name: string; size: number | null; sha256: string | null }[] }[]>;
  removeStored(): Promise<void[]>;
  nextOffer(): Promise<{ id: string; totalBytes: number | null; files: { name: string; path: string; size: number | null }[] }>;
  accept(sink?: 'memory' | 'opfs' | 'auto'): number;
  acceptIntoDirectory(name: string): Promise<number>;
  listDirectory(name: string): Promise<[path: string, sha256: string][]>;
  hashOf(size: number, seed: number): Promise<string>;
  acceptIntoStream(options: {
    bytesPerSecond?: number;
    pauseEvery?: number;
    pauseFor?: number;
    failAfter?: number;
    hash?: boolean;
  }): number;
  streamed(transfer: number): Promise<{ bytes: number; sha256: string }>;
  storedBytes(): Promise<number>;
  reject(reason?: string): void;
  cancel(transfer: number, reason?: string): void;
  anyValues(): [name: string, text: string][];
  cancelWith(transfer: number, value: number): void;
  rejectWith(value: number): void;
  acceptIntoValue(value: number): number;
  findTaken(): string[];
  callIdly(transfer: number): void;
  pause(transfer: number): void;
  resume(transfer: number): void;
  untilBytes(transfer: number, bytes: number): Promise<boolean>;
  outcome(transfer: number, options?: { seed?: number | null; hash?: boolean }): Promise<Outcome>;
  sourceHashes(seed: number): Promise<string[]>;
  countHeld(): Promise<void>;
  held(): Held;
  connectionCount(): number;
  closeConnections(which: 'all' | 'own' | 'bulk' | 'one'): number;
  closeChannels(which: 'all' | 'bulk'): number;
  violations(): string[];
  block(ms: number): Promise<void>;
  takeLongTasks(): number[];
  longTasksSupported(): boolean;
}

/** The path of a connection. `lane`: 0 is the control connection. */
export interface Route {
  readonly lane: number;
  readonly local: RouteEnd;
  readonly remote: RouteEnd;
}

/** A candidate, as far as the browser tells. `relayProtocol`: how the relay is reached. */
export interface RouteEnd {
  readonly type: string | null;
  readonly protocol: string | null;
  readonly relayProtocol: string | null;
  readonly address: string | null;
}

export interface PlainError {
  readonly name: string;
  readonly code: string | null;
  readonly explanation: string | null;
  readonly byPeer: boolean | null;
  readonly detail: ConnectionReport | null;
  readonly message: string;
  /** ms since 1970. */
  readonly at: number;
}

/** How many a page holds of each. */
export interface Held {
  readonly connections: number;
  readonly workers: number;
  readonly sockets: number;
  readonly channels: number;
  readonly ports: number;
  readonly timers: number;
  readonly listeners: number;
}

export interface PlainFailure {
  readonly error: PlainError;
}

export interface OutcomeFile {
  readonly name: string;
  readonly size: number;
  readonly root: string;
  readonly blobSize: number | null;
  readonly sha256: string | null;
}

export interface Outcome {
  readonly state: string;
  readonly states: readonly string[];
  readonly seconds: number;
  /** Of this session's lanes, whole messages, both ways. */
  readonly bulkBytes: number;
  readonly error?: PlainError;
  readonly bytes?: number;
  readonly files?: readonly OutcomeFile[];
  readonly progressRises?: boolean;
  readonly lastProgress?: number | null;
  /** Between two progress events. */
  readonly longestSilenceMs?: number;
}

declare global {
  // The page's own global; declared here for the functions that Playwright runs there.
  var bare: BareApi;
  var bareReady: boolean | undefined;
}

type Method = keyof BareApi;

/** One bare page, with its functions as methods. */
export class Bare {
  readonly page: Page;

  private constructor(page: Page) {
    this.page = page;
  }

  static async of(page: Page): Promise<Bare> {
    // The page's script has run when its load event comes, which `goto` waits for.
    if (!(await page.evaluate(() => globalThis.bareReady === true))) throw new Error('the script of the bare page failed');
    return new Bare(page);
  }

  call<M extends Method>(method: M, ...args: Parameters<BareApi[M]>): Promise<Awaited<ReturnType<BareApi[M]>>> {
    const run = ({ method: name, args: list }: { method: Method; args: unknown[] }): unknown =>
      (globalThis.bare[name] as (...list: unknown[]) => unknown)(...list);
    return this.page.evaluate(run, { method, args }) as Promise<Awaited<ReturnType<BareApi[M]>>>;
  }
}

/** Both sides connected. Errors: rejects with what either side's `connect` rejected with. */
export async function connectPair(a: Bare, b: Bare, options: Parameters<BareApi['connect']>[0]): Promise<void> {
  const failures = await Promise.all([a.call('connect', options), b.call('connect', options)]);
  for (const failure of failures) {
    if (failure !== null) throw new Error(`connect failed: ${failure.error.code} ${failure.error.message}`);
  }
}

/** Sends `bytes` that follow from `seed` and expects that they arrive, in memory, with the same hash and root. */
export async function expectTransfer(sender: Bare, receiver: Bare, bytes: number, seed: number): Promise<void> {
  await sender.call('prepare', [bytes], seed);
  const sending = await sender.call('send', seed);
  await receiver.call('nextOffer');
  const receiving = await receiver.call('accept', 'memory');
  const [sent, received] = await Promise.all([sender.call('outcome', sending, { seed }), receiver.call('outcome', receiving)]);
  for (const { error } of [sent, received]) expect(error).toBeUndefined();
  expect(received.files?.[0]?.sha256).toBe(sent.files?.[0]?.sha256);
  expect(received.files?.[0]?.root).toBe(sent.files?.[0]?.root);
}
