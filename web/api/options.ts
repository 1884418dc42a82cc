import type { MillraceError } from './errors.js';
import { profiles, sizingModes, type Profile, type SizingMode } from './profile.js';
import { abortSignal, callback, choice, flag, group, number, shape, text, type NeededOf, type OptionsOf } from './shape.js';

/**
 * Carries small JSON messages between the two sides until they are connected. It is not trusted: nothing that it delivers does
 * worse than end an attempt with a typed error. `connect` takes it over, and closes it when the session ends.
 */
export interface Signaling {
  /** Sends a message, which is plain JSON, to the other side or to all other members of the room. The message names its recipient. */
  send(message: object): void;
  /** Set by `connect`; the implementation calls it with each message of the other side, parsed. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- implementations pass parsed JSON, and `connect` checks it.
  onmessage: ((message: any) => void) | null;
  /** Called by the implementation when it cannot deliver messages any more. */
  onerror?: ((error: MillraceError) => void) | null;
  /**
   * Called when the signalling is needed, or when the network may have changed. An implementation that cannot deliver messages
   * any more should try again, and one whose connection may have died silently should find out. May be called often.
   */
  reopen?(): void;
  /**
   * Called by the implementation each time that it can deliver messages: at first, and with `again` when a new connection has
   * replaced the previous one. Messages of the last moments may be lost then, and `connect` repeats those that matter.
   */
  onopen?: ((again: boolean) => void) | null;
  /** Called once, when the session is connected: the other side has proved its secret. */
  established?(): void;
  /**
   * Time from finding each other to being connected, ms; default 30,000. Signalling that people carry needs more; a path that
   * failed may then still come up.
   */
  readonly patience?: number;
  /** Called once, when the session ends or the attempt to connect fails. */
  close?(): void;
}

/** `RTCPeerConnection` of a browser, or the class of another WebRTC stack with its interface. */
export type PeerConnectionClass = new (configuration?: RTCConfiguration) => RTCPeerConnection;

/**
 * The configuration of peer connections, or a function that returns one. The function is asked when `connect` begins, before each new
 * connection (the first one takes an answer that is younger than 10 s), and before each ICE restart of one, so that repairs hours later
 * get credentials that have not expired. `connect` waits 5 s for its first answer.
 * If it fails later, or takes longer than 2.5 s, the connection uses the last configuration that worked, and the session logs a warning. Only
 * `iceServers` and `iceTransportPolicy` may differ between answers; everything else stays as in the first one.
 */
export type RtcOption = RTCConfiguration | (() => RTCConfiguration | Promise<RTCConfiguration>);

/** Each lane costs both browsers a connection; more than these were never measured. */
export const MOST_LANES = 64;
const LEAST_CHUNK_BYTES = 16 * 1024;
const MOST_CHUNK_BYTES = 4 * 1024 * 1024;
/** Below this, bytes per second, a record and its acknowledgement take seconds, and pings time out. */
export const LEAST_BANDWIDTH_LIMIT = 16_384;

const laneShapes = {
  /** 1 to `max`. */
  min: number({ least: 1, most: MOST_LANES, whole: true }),
  /** `min` to 32. */
  max: number({ least: 1, most: MOST_LANES, whole: true }),
};

/** How many bulk lanes a session has. */
export interface LaneLimits extends OptionsOf<typeof laneShapes> {}

const waterMarkNeeded = {
  /** More than `low`. */
  high: number({ least: 0, unit: 'bytes' }),
  /** 0 or more. */
  low: number({ least: 0, unit: 'bytes' }),
};

/** Water marks of a channel, bytes. */
export interface ChannelWaterMarks extends NeededOf<typeof waterMarkNeeded> {}

/** The option of `connect` that must be there. */
export const connectNeeded = {
  /** The two sides may call `connect` in any order. */
  signaling: shape<Signaling>('an object with send()', isSignaling),
};

/** The options of `connect` that may be absent. */
export const connectShapes = {
  /**
   * Shared out of band, the same on both sides: a link key (`createLinkKey`) or a short code (`createCode`). Only someone with
   * the same secret can connect; all others fail with 'authentication-failed'. It never goes to the signalling.
   */
  secret: text(),
  /**
   * 'key': base64url of at least 128 bits, mixed into the keys. 'code': anything shorter, used in a password-authenticated
   * exchange; after a failed attempt a code is burnt, and this page does not accept it again. Default: 'key' for 22 or more
   * characters of base64url with an upper-case letter among them, else 'code'.
   */
  secretKind: choice(['key', 'code']),
  /**
   * Used for every peer connection of the session. Without `iceServers` (or without `rtc`), connections use `defaultIceServers`,
   * which are public STUN servers; `iceServers: []` means none.
   */
  rtc: shape<RtcOption>('an RTCConfiguration, or a function that returns one', isObjectOrFunction),
  /** The class of all connections if not the browser's, such as that of a WebRTC stack for Node.js. Its channels stay in this thread. */
  RTCPeerConnection: callback<PeerConnectionClass>('a class'),
  /**
   * Number of bulk lanes: `min` are kept open, and up to `max` where more of them help. Default 1 to 64, which is also the
   * limit; more than 16 are opened only on links that lose packets at random and on long paths, more than 32 only on paths of 500 ms and more.
   */
  lanes: group<LaneLimits>(laneShapes),
  /**
   * How this side sends file data. 'unreliable': Millrace retransmits instead of the channels; above 5 % loss the session
   * changes to reliable channels by itself and reports that ('log'). Default 'reliable'.
   */
  delivery: choice(['reliable', 'unreliable']),
  /**
   * The kind of network: sets bounds for the chunk size, and for the number of lanes if `lanes` does not. 'auto' goes by
   * measurement, without bounds. Default 'auto'.
   */
  profile: choice<Profile>(profiles),
  /** How quickly the chunk size follows the link; default: that of the profile. */
  mode: choice<SizingMode>(sizingModes),
  /** How much loss the chunk size tolerates; 'strict': less. Default 'default'. */
  ladder: choice(['default', 'strict']),
  /**
   * Which lane gets the next record: 'earliest', where it should arrive first, or 'round-robin', all lanes in turn. Default 'earliest',
   * which was never slower.
   */
  scheduler: choice(['earliest', 'round-robin']),
  /**
   * Bytes that are read and scheduled at once, an integer from 16 KiB to 4 MiB; default: follows the link. On slow links
   * records are smaller than a chunk.
   */
  chunkSize: number({ least: LEAST_CHUNK_BYTES, most: MOST_CHUNK_BYTES, whole: true, unit: 'bytes' }),
  /**
   * Water marks of each lane's channel, bytes: a channel that holds `high` gets nothing more until it holds `low` or less.
   * Default 1 MiB and 256 KiB. Values above the capacity of a browser's queue are clamped.
   */
  waterMarks: group<ChannelWaterMarks>({}, waterMarkNeeded),
  /** Limit of this side's sending rate, at least 16,384 bytes/s; 0: no limit. Default 0. */
  bandwidthLimit: shape<number>(`0, or at least ${LEAST_BANDWIDTH_LIMIT} bytes per second`, isBandwidthLimit),
  /**
   * True: what this side sends yields to all other traffic of the link, also to other transfers, and takes what is left. Beside a
   * download that fills the link's queue about a twentieth of the rate goes on. Default false.
   */
  background: flag(),
  /**
   * True: all connections of this side use the TURN servers in `rtc.iceServers` and contact no other servers, so that the other side does
   * not learn its address. Both sides pad their records, so that sizes reveal less. Default false.
   */
  privacy: flag(),
  /**
   * False on both sides: only the data channel's own encryption hides the content; changes are still detected. If the two sides
   * differ, the session is encrypted; see `Peer.encrypted`. Default true.
   */
  encryption: flag(),
  /** Keeps a log of each transfer (docs/trace.md); see `Transfer.log`. Default false. */
  log: flag(),
  /**
   * True: the engine must run in a worker. False: in the window. Default: in a worker if channels can be transferred to it, and in the
   * window otherwise; `PeerStats.workerFallback` and a 'log' event say why then.
   */
  worker: flag(),
  /**
   * Makes the worker of the engine, which is the file `millrace/worker` and a module: for inline workers and for pages with Trusted Types.
   * The session terminates it. If it throws, the engine runs in the window.
   */
  createWorker: callback<() => Worker>('a function that returns a Worker'),
  /**
   * The address of a folder with `worker.js`, `engine.js`, `millrace_core.js` and `millrace_core.wasm`, also at another origin that allows
   * it (CORS). Default: they lie beside the script, where bundlers put them.
   */
  assets: shape<string | URL>('the address of a folder', (value) => toFolder(value) !== undefined),
  /** Ends the attempt, or later the session with its transfers, with 'aborted'. */
  signal: abortSignal(),
};

/** The options of `connect`. Invalid values are rejected with 'invalid-argument'. */
export interface ConnectOptions extends NeededOf<typeof connectNeeded>, OptionsOf<typeof connectShapes> {}

function isSignaling(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'send' in value && typeof value.send === 'function';
}

function isObjectOrFunction(value: unknown): boolean {
  return typeof value === 'function' || (typeof value === 'object' && value !== null && !Array.isArray(value));
}

function isBandwidthLimit(value: unknown): boolean {
  return Number.isFinite(value) && (value === 0 || (value as number) >= LEAST_BANDWIDTH_LIMIT);
}

/** The address of a folder, relative to the page's, with a slash at its end; undefined for an invalid one. */
export function toFolder(address: unknown): URL | undefined {
  if (typeof address !== 'string' && !(address instanceof URL)) return undefined;
  try {
    const url = new URL(address, globalThis.document?.baseURI);
    if (!url.pathname.endsWith('/')) url.pathname += '/';
    return url;
  } catch {
    return undefined;
  }
}
