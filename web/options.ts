import { profiles, sizingModes, type Profile, type SizingMode } from './core.js';
import { MillraceError } from './errors.js';

/**
 * Carries small JSON messages between the two sides until they are connected. It is not trusted: whatever it delivers,
 * nothing worse than a typed error comes of it. `connect` takes it over, and closes it when the session ends.
 */
export interface Signaling {
  send(message: object): void;
  // `any` is the fixed outside shape: implementers hand over parsed JSON, and `connect` checks it.
  onmessage: ((message: any) => void) | null;
  /** Called by the implementation when no message can get through any more. */
  onerror?: ((error: MillraceError) => void) | null;
  /**
   * Called when the session's connection broke and a new one is to be signalled: where no message can get through any more,
   * try again. May be called often.
   */
  reopen?(): void;
  close?(): void;
}

export interface ConnectOptions {
  /** Both sides may call `connect` in any order; nobody has to know who is first. */
  signaling: Signaling;
  /** Shared out of band; authenticates both sides. Not available yet: 'not-supported'. */
  secret?: string;
  secretKind?: 'key' | 'code';
  /** Used for every peer connection of the session. */
  rtc?: RTCConfiguration;
  /**
   * Peer connections that carry bulk: `min` are kept open, more where they pay. Default 1 to 16; at most 32, which pays where a
   * link loses packets at random.
   */
  lanes?: { min?: number; max?: number };
  /**
   * How this side's bulk is sent. 'unreliable': the channels never send again, Millrace does; above 5 % loss the session moves
   * to reliable channels by itself and says so ('log'). Default 'reliable'.
   */
  delivery?: 'reliable' | 'unreliable';
  /**
   * What network this is: bounds the chunk size, and the lanes that are asked for where `lanes` does not. 'auto' goes by
   * measurement, without bounds. Default 'auto'.
   */
  profile?: Profile;
  /** How quickly the chunk size follows the link; default: as the profile suggests. */
  mode?: SizingMode;
  /**
   * Bytes that are read and scheduled at once, 16 KiB to 4 MiB, whatever the link does; default: as the link asks for. On slow
   * links messages are smaller all the same.
   */
  chunkSize?: number;
  /**
   * Water marks of each lane's channel, bytes: nothing more goes into it from `high` on, until no more than `low` is left.
   * Default 1 MiB and 256 KiB; 16 and 4 MiB are prescribed by many, and clamped to what a browser's queue holds.
   */
  waterMarks?: { high: number; low: number };
  /** What this side sends at most, bytes per second; 0: no limit. At least 16,384. */
  bandwidthLimit?: number;
  /** `true` is not available yet. */
  privacy?: boolean;
  /** `false` is not available yet. */
  encryption?: boolean;
  /** Default: in a worker where channels can be transferred. `true` insists on it, `false` stays in the window. */
  worker?: boolean;
  /** Ends the attempt, and later the session with everything in it, with 'aborted'. */
  signal?: AbortSignal;
}

/** `ConnectOptions` after checking: what this version acts upon. */
export interface Settings {
  signaling: Signaling;
  rtc: RTCConfiguration;
  /** Undefined: as the profile suggests. */
  minLanes: number | undefined;
  maxLanes: number | undefined;
  /** Never more, whatever either side asks for. */
  mostLanes: number;
  profile: Profile;
  mode: SizingMode | undefined;
  reliable: boolean;
  bandwidthLimit: number;
  chunkSize: number | undefined;
  waterMarks: { high: number; low: number };
  worker: boolean | undefined;
  signal: AbortSignal | undefined;
}

const DEFAULT_MAX_LANES = 16;
/**
 * Enough to keep the channel busy while the window or worker does something else, little enough that what is said last does
 * not wait behind it.
 */
const DEFAULT_WATER_MARKS = { high: 1024 * 1024, low: 256 * 1024 };
const LEAST_CHUNK_BYTES = 16 * 1024;
const MOST_CHUNK_BYTES = 4 * 1024 * 1024;
/** Each lane costs both browsers a connection; with more than these nothing was measured. */
const MOST_LANES = 32;

/**
 * Checks the options of `connect`.
 * Errors: 'invalid-argument' for a value that means nothing; 'not-supported' for one that is not available yet, rather than
 * a session that silently lacks what was asked for.
 */
export function resolveOptions(options: ConnectOptions): Settings {
  const { signaling, lanes = {}, delivery = 'reliable', bandwidthLimit = 0 } = options;
  if (typeof signaling?.send !== 'function') throw new MillraceError('invalid-argument', 'signaling.send must be a function');

  const { profile = 'auto', mode, chunkSize, waterMarks = DEFAULT_WATER_MARKS } = options;
  const { min = 1, max = Math.max(min, DEFAULT_MAX_LANES) } = lanes;
  if (!Number.isInteger(min) || !Number.isInteger(max) || min < 1 || max > MOST_LANES || min > max) {
    throw new MillraceError('invalid-argument', `lanes must satisfy 1 <= min <= max <= ${MOST_LANES}`);
  }
  if (!['reliable', 'unreliable'].includes(delivery)) throw new MillraceError('invalid-argument', `delivery: ${delivery}`);
  if (chunkSize !== undefined && !(chunkSize >= LEAST_CHUNK_BYTES && chunkSize <= MOST_CHUNK_BYTES)) {
    throw new MillraceError('invalid-argument', `chunkSize must be ${LEAST_CHUNK_BYTES} to ${MOST_CHUNK_BYTES} bytes`);
  }
  if (!(waterMarks.low >= 0 && waterMarks.high > waterMarks.low && Number.isFinite(waterMarks.high))) {
    throw new MillraceError('invalid-argument', 'waterMarks must satisfy 0 <= low < high');
  }
  if (!profiles.includes(profile)) throw new MillraceError('invalid-argument', `profile: ${profile}`);
  if (mode !== undefined && !sizingModes.includes(mode)) throw new MillraceError('invalid-argument', `mode: ${mode}`);
  if (!Number.isFinite(bandwidthLimit) || bandwidthLimit < 0) {
    throw new MillraceError('invalid-argument', 'bandwidthLimit must be bytes per second, or 0');
  }

  if (options.secret !== undefined) throw unavailable('secret');
  if (options.privacy === true) throw unavailable('privacy: true');
  if (options.encryption === false) throw unavailable('encryption: false');

  return {
    signaling,
    rtc: options.rtc ?? {},
    minLanes: lanes.min,
    maxLanes: lanes.max,
    mostLanes: max,
    profile,
    mode,
    reliable: delivery === 'reliable',
    bandwidthLimit: Math.ceil(bandwidthLimit),
    chunkSize,
    waterMarks: { high: waterMarks.high, low: waterMarks.low },
    worker: options.worker,
    signal: options.signal,
  };
}

function unavailable(what: string): MillraceError {
  return new MillraceError('not-supported', `${what} is not available yet`);
}
