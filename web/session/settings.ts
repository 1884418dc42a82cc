import { MillraceError } from '../api/errors.js';
import type { ConnectOptions, PeerConnectionClass, Signaling } from '../api/options.js';
import { profiles, sizingModes, type Profile, type SizingMode } from '../api/profile.js';
import { resolveSecret, type Secret } from '../secrets/secret.js';

/** `ConnectOptions` after checking: what this version acts upon. */
export interface Settings {
  signaling: Signaling;
  rtc: RTCConfiguration;
  /** Undefined: the browser's. */
  Connection: PeerConnectionClass | undefined;
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
  secret: Secret;
  privacy: boolean;
  encryption: boolean;
  log: boolean;
  worker: boolean | undefined;
  signal: AbortSignal | undefined;
}

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
 * Errors: 'invalid-argument' for a value that means nothing; 'authentication-failed' for a code that is burnt.
 */
export function resolveOptions(options: ConnectOptions): Settings {
  const { signaling, lanes = {}, delivery = 'reliable', bandwidthLimit = 0, privacy = false, encryption = true, log = false } = options;
  if (typeof signaling?.send !== 'function') throw new MillraceError('invalid-argument', 'signaling.send must be a function');

  const { profile = 'auto', mode, chunkSize, waterMarks = DEFAULT_WATER_MARKS } = options;
  const { min = 1, max = MOST_LANES } = lanes;
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

  for (const [name, value] of Object.entries({ privacy, encryption, log })) {
    if (typeof value !== 'boolean') throw new MillraceError('invalid-argument', `${name} must be true or false`);
  }
  if (privacy && !hasTurnServer(options.rtc)) {
    throw new MillraceError('invalid-argument', 'privacy needs a TURN server (turn: or turns:) in rtc.iceServers');
  }

  const { RTCPeerConnection: Connection, worker = Connection === undefined ? undefined : false } = options;
  if (Connection !== undefined && (typeof Connection !== 'function' || worker)) {
    throw new MillraceError('invalid-argument', 'RTCPeerConnection must be a class, and its channels cannot go to a worker');
  }

  return {
    signaling,
    Connection,
    rtc: privacy ? { ...options.rtc, iceTransportPolicy: 'relay' } : (options.rtc ?? {}),
    minLanes: lanes.min,
    maxLanes: lanes.max,
    mostLanes: max,
    profile,
    mode,
    reliable: delivery === 'reliable',
    bandwidthLimit: Math.ceil(bandwidthLimit),
    chunkSize,
    waterMarks: { high: waterMarks.high, low: waterMarks.low },
    // Last, so that nothing that throws leaves it behind.
    secret: resolveSecret(options.secret, options.secretKind),
    privacy,
    encryption,
    log,
    worker,
    signal: options.signal,
  };
}

function hasTurnServer(rtc: RTCConfiguration = {}): boolean {
  return (rtc.iceServers ?? []).flatMap(({ urls }) => urls).some((url) => /^turns?:/i.test(url));
}
