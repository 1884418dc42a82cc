import { MillraceError } from '../api/errors.js';
import type { ConnectOptions, PeerConnectionClass, Signaling } from '../api/options.js';
import { profiles, sizingModes, type Profile, type SizingMode } from '../api/profile.js';
import { isRecord } from '../base/is_record.js';
import { resolveSecret, type Secret } from '../secrets/secret.js';
import { check, checkOptional, isAbortSignal, isFunction } from './arguments.js';

/** `ConnectOptions` after checking, with defaults. */
export interface Settings {
  signaling: Signaling;
  rtc: RTCConfiguration;
  /** Undefined: the browser's. */
  Connection: PeerConnectionClass | undefined;
  /** Undefined: as the profile suggests. */
  minLanes: number | undefined;
  maxLanes: number | undefined;
  /** The upper bound, whatever either side asks for. */
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

/** Enough to keep the channel busy while the window or worker is busy, and little enough that the newest message does not wait long. */
const DEFAULT_WATER_MARKS = { high: 1024 * 1024, low: 256 * 1024 };
const LEAST_CHUNK_BYTES = 16 * 1024;
const MOST_CHUNK_BYTES = 4 * 1024 * 1024;
/** Each lane costs both browsers a connection; more than these were never measured. */
const MOST_LANES = 32;
/** Below this, bytes per second, a record and its acknowledgement take seconds, and pings time out. */
const LEAST_BANDWIDTH_LIMIT = 16_384;

/**
 * Checks the options of `connect`.
 * Errors: throws 'invalid-argument', which names the option, and 'authentication-failed' for a code that is burnt.
 */
export function resolveOptions(options: ConnectOptions): Settings {
  check(isRecord(options), 'options', 'an object', options);
  checkSignaling(options.signaling);
  checkTypes(options);
  const { lanes = {}, rtc = {}, privacy = false, waterMarks = DEFAULT_WATER_MARKS } = options;
  const { min = 1, max = MOST_LANES } = lanes;
  if (!Number.isInteger(min) || !Number.isInteger(max) || min < 1 || max > MOST_LANES || min > max) {
    throw new MillraceError('invalid-argument', `lanes must satisfy 1 <= min <= max <= ${MOST_LANES}`);
  }
  const { low, high } = waterMarks;
  if (!isFinite(low) || !isFinite(high) || low < 0 || high <= low) {
    throw new MillraceError('invalid-argument', 'waterMarks must satisfy 0 <= low < high');
  }
  if (privacy && !hasTurnServer(rtc)) {
    throw new MillraceError('invalid-argument', 'privacy needs a TURN server (turn: or turns:) in rtc.iceServers');
  }
  const { RTCPeerConnection: Connection, worker = Connection === undefined ? undefined : false } = options;
  if (Connection !== undefined && worker) {
    throw new MillraceError('invalid-argument', 'worker must be false with RTCPeerConnection, whose channels cannot go to a worker');
  }

  return {
    signaling: options.signaling,
    Connection,
    rtc: privacy ? { ...rtc, iceTransportPolicy: 'relay' } : rtc,
    minLanes: lanes.min,
    maxLanes: lanes.max,
    mostLanes: max,
    profile: options.profile ?? 'auto',
    mode: options.mode,
    reliable: options.delivery !== 'unreliable',
    bandwidthLimit: Math.ceil(options.bandwidthLimit ?? 0),
    chunkSize: options.chunkSize,
    waterMarks: { high, low },
    // Last, so that no exception leaves a copy of the secret behind.
    secret: resolveSecret(options.secret, options.secretKind),
    privacy,
    encryption: options.encryption ?? true,
    log: options.log ?? false,
    worker,
    signal: options.signal,
  };
}

function checkSignaling(signaling: unknown): void {
  check(isRecord(signaling), 'signaling', 'an object', signaling);
  check(isFunction(signaling.send), 'signaling.send', 'a function', signaling.send);
  for (const name of ['close', 'reopen', 'established']) {
    checkOptional(signaling[name], isFunction, `signaling.${name}`, 'a function');
  }
  checkOptional(signaling.patience, (value) => isFinite(value) && value > 0, 'signaling.patience', 'a number of milliseconds');
}

/** Each option by itself; `secret` and `secretKind` are checked by `resolveSecret`. */
function checkTypes(options: ConnectOptions): void {
  const { rtc, profile, mode, chunkSize, bandwidthLimit } = options;
  checkOptional(rtc, isRecord, 'rtc', 'an RTCConfiguration');
  checkOptional(rtc?.iceServers, Array.isArray, 'rtc.iceServers', 'an array');
  checkOptional(options.RTCPeerConnection, isFunction, 'RTCPeerConnection', 'a class');
  checkOptional(options.lanes, isRecord, 'lanes', 'an object with min and max');
  checkOptional(options.waterMarks, isRecord, 'waterMarks', 'an object with high and low');
  checkOptional(options.delivery, isOneOf(['reliable', 'unreliable']), 'delivery', "'reliable' or 'unreliable'");
  checkOptional(profile, isOneOf(profiles), 'profile', `one of ${profiles.join(', ')}`);
  checkOptional(mode, isOneOf(sizingModes), 'mode', `one of ${sizingModes.join(', ')}`);
  const isChunkSize = (value: unknown): boolean =>
    Number.isInteger(value) && isFinite(value) && value >= LEAST_CHUNK_BYTES && value <= MOST_CHUNK_BYTES;
  checkOptional(chunkSize, isChunkSize, 'chunkSize', `an integer from ${LEAST_CHUNK_BYTES} to ${MOST_CHUNK_BYTES}`);
  const isLimit = (value: unknown): boolean => isFinite(value) && (value === 0 || value >= LEAST_BANDWIDTH_LIMIT);
  checkOptional(bandwidthLimit, isLimit, 'bandwidthLimit', `0, or at least ${LEAST_BANDWIDTH_LIMIT} bytes per second`);
  for (const name of ['privacy', 'encryption', 'log', 'worker'] as const) {
    checkOptional(options[name], (value) => typeof value === 'boolean', name, 'true or false');
  }
  checkOptional(options.signal, isAbortSignal, 'signal', 'an AbortSignal');
}

function hasTurnServer({ iceServers = [] }: RTCConfiguration): boolean {
  return iceServers.flatMap((server) => server?.urls).some((url) => /^turns?:/i.test(url));
}

function isOneOf(values: readonly string[]): (value: unknown) => boolean {
  return (value) => typeof value === 'string' && values.includes(value);
}

/** A number, and neither NaN nor infinite. */
function isFinite(value: unknown): value is number {
  return Number.isFinite(value);
}
