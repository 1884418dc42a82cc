import { MillraceError } from '../api/errors.js';
import { connectNeeded, connectShapes, MOST_LANES, toFolder, type ConnectOptions, type PeerConnectionClass, type RtcOption, type Signaling } from '../api/options.js';
import type { Profile, SizingMode } from '../api/profile.js';
import { callback, checkOptions, number, type Shape } from '../api/shape.js';
import { checkRtcOption, completeConfiguration } from '../rtc/configuration.js';
import { resolveSecret, type Secret } from '../secrets/secret.js';

/** `ConnectOptions` after checking, with defaults. */
export interface Settings {
  signaling: Signaling;
  /** A configuration is complete: with the default servers, or with those that `privacy` allows. */
  rtc: RtcOption;
  /** Undefined: the browser's. */
  Connection: PeerConnectionClass | undefined;
  /** Undefined: as the profile suggests. */
  minLanes: number | undefined;
  maxLanes: number | undefined;
  /** The upper bound, whatever either side asks for. */
  mostLanes: number;
  profile: Profile;
  mode: SizingMode | undefined;
  ladder: 'default' | 'strict' | undefined;
  scheduler: 'earliest' | 'round-robin' | undefined;
  reliable: boolean;
  bandwidthLimit: number;
  background: boolean;
  chunkSize: number | undefined;
  waterMarks: { high: number; low: number };
  secret: Secret;
  privacy: boolean;
  encryption: boolean;
  log: boolean;
  worker: boolean | undefined;
  createWorker: (() => Worker) | undefined;
  /** Ends with a slash. */
  assets: URL | undefined;
  signal: AbortSignal | undefined;
}

/** Enough to keep the channel busy while the window or worker is busy, and little enough that the newest message does not wait long. */
const DEFAULT_WATER_MARKS = { high: 1024 * 1024, low: 256 * 1024 };

/**
 * Checks the options of `connect`.
 * Errors: throws 'invalid-argument', which names the option, and 'authentication-failed' for a code that is burnt.
 */
export function resolveOptions(given: ConnectOptions): Settings {
  const options = checkOptions(given, connectShapes, undefined, connectNeeded);
  checkSignaling(options.signaling);
  checkRtcOption(options.rtc);
  const { lanes = {}, rtc = {}, privacy = false, waterMarks = DEFAULT_WATER_MARKS } = options;
  const { min = 1, max = MOST_LANES } = lanes;
  if (min > max) throw new MillraceError('invalid-argument', `lanes must satisfy 1 <= min <= max <= ${MOST_LANES}`);
  const { low, high } = waterMarks;
  if (high <= low) throw new MillraceError('invalid-argument', 'waterMarks must satisfy 0 <= low < high');
  const { RTCPeerConnection: Connection, worker = Connection === undefined ? undefined : false } = options;
  if (Connection !== undefined && worker) {
    throw new MillraceError('invalid-argument', 'worker must be false with RTCPeerConnection, whose channels cannot go to a worker');
  }

  return {
    signaling: options.signaling,
    Connection,
    rtc: typeof rtc === 'function' ? rtc : completeConfiguration(rtc, privacy),
    minLanes: lanes.min,
    maxLanes: lanes.max,
    mostLanes: max,
    profile: options.profile ?? 'auto',
    mode: options.mode,
    ladder: options.ladder,
    scheduler: options.scheduler,
    reliable: options.delivery !== 'unreliable',
    bandwidthLimit: Math.ceil(options.bandwidthLimit ?? 0),
    background: options.background ?? false,
    chunkSize: options.chunkSize,
    waterMarks: { high, low },
    // Last, so that no exception leaves a copy of the secret behind.
    secret: resolveSecret(options.secret, options.secretKind),
    privacy,
    encryption: options.encryption ?? true,
    log: options.log ?? false,
    worker,
    createWorker: options.createWorker,
    assets: options.assets === undefined ? undefined : toFolder(options.assets),
    signal: options.signal,
  };
}

/** What a signalling may have besides `send`. */
const signalingShapes: Readonly<Record<string, Shape<unknown>>> = {
  close: callback(),
  reopen: callback(),
  established: callback(),
  patience: number({ least: 1, unit: 'milliseconds' }),
};

function checkSignaling(signaling: Signaling): void {
  checkOptions(signaling, signalingShapes, 'signaling');
}
