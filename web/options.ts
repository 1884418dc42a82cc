import { MillraceError } from './errors.js';
import { resolveSecret, type Secret } from './secret.js';

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
  /** Called once, when the session is up: the other side has proved whatever it had to. */
  established?(): void;
  /**
   * What the two sides get from finding each other to being connected, ms; default 30 000. More where people carry the messages,
   * and a path that fails may still come.
   */
  readonly patience?: number;
  close?(): void;
}

export interface ConnectOptions {
  /** Both sides may call `connect` in any order; nobody has to know who is first. */
  signaling: Signaling;
  /**
   * Shared out of band, the same on both sides: a link key (`createLinkKey`) or a short code (`createCode`). With it the session
   * comes up with who has it, or fails with 'authentication-failed'. It never goes to the signalling.
   */
  secret?: string;
  /**
   * 'key': base64url of at least 128 bits, mixed into the keys. 'code': anything shorter, by a password-authenticated exchange;
   * after a failed attempt a code is burnt and this page does not take it again. Default: what looks like a key is one
   * (22 characters of base64url or more, an upper-case letter among them).
   */
  secretKind?: 'key' | 'code';
  /** Used for every peer connection of the session. */
  rtc?: RTCConfiguration;
  /**
   * Peer connections that carry bulk: `min` are kept open, more where they pay. Default 1 to 32, which is also the most; more
   * than 16 are opened only where a link loses packets at random.
   */
  lanes?: { min?: number; max?: number };
  /**
   * How this side's bulk is sent. 'unreliable': the channels never send again, Millrace does; above 5 % loss the session moves
   * to reliable channels by itself and says so ('log'). Default 'reliable'.
   */
  delivery?: 'reliable' | 'unreliable';
  /** Other than 'auto' is not available yet. */
  profile?: 'auto' | 'lan-ethernet' | 'lan-wifi' | 'internet' | 'internet-poor' | 'mobile';
  /** Other than 'balanced' is not available yet. */
  mode?: 'aggressive' | 'balanced' | 'conservative';
  /** What this side sends at most, bytes per second; 0: no limit. At least 16,384. */
  bandwidthLimit?: number;
  /**
   * True: all connections of this side go through the TURN servers in `rtc.iceServers`, so that the other side does not learn
   * its address; and what both sides send is padded, so that sizes tell less. Default false.
   */
  privacy?: boolean;
  /**
   * False, on both sides: what is sent is hidden by the data channel's own encryption only. That it is not changed is still
   * checked. Default true, which counts where the two differ; `Peer.encrypted` tells.
   */
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
  minLanes: number;
  maxLanes: number;
  reliable: boolean;
  bandwidthLimit: number;
  secret: Secret;
  privacy: boolean;
  encryption: boolean;
  worker: boolean | undefined;
  signal: AbortSignal | undefined;
}

/** Each lane costs both browsers a connection; with more than these nothing was measured. */
const MOST_LANES = 32;

/**
 * Checks the options of `connect`.
 * Errors: 'invalid-argument' for a value that means nothing; 'not-supported' for one that is not available yet, rather than
 * a session that silently lacks what was asked for; 'authentication-failed' for a code that is burnt.
 */
export function resolveOptions(options: ConnectOptions): Settings {
  const { signaling, lanes = {}, delivery = 'reliable', bandwidthLimit = 0, privacy = false, encryption = true } = options;
  if (typeof signaling?.send !== 'function') throw new MillraceError('invalid-argument', 'signaling.send must be a function');

  const { min = 1, max = MOST_LANES } = lanes;
  if (!Number.isInteger(min) || !Number.isInteger(max) || min < 1 || max > MOST_LANES || min > max) {
    throw new MillraceError('invalid-argument', `lanes must satisfy 1 <= min <= max <= ${MOST_LANES}`);
  }
  if (!['reliable', 'unreliable'].includes(delivery)) throw new MillraceError('invalid-argument', `delivery: ${delivery}`);
  if (!Number.isFinite(bandwidthLimit) || bandwidthLimit < 0) {
    throw new MillraceError('invalid-argument', 'bandwidthLimit must be bytes per second, or 0');
  }

  for (const [name, value] of Object.entries({ privacy, encryption })) {
    if (typeof value !== 'boolean') throw new MillraceError('invalid-argument', `${name} must be true or false`);
  }
  if (privacy && !hasTurnServer(options.rtc)) {
    throw new MillraceError('invalid-argument', 'privacy needs a TURN server (turn: or turns:) in rtc.iceServers');
  }
  if ((options.profile ?? 'auto') !== 'auto') throw unavailable(`profile: '${options.profile}'`);
  if ((options.mode ?? 'balanced') !== 'balanced') throw unavailable(`mode: '${options.mode}'`);

  return {
    signaling,
    rtc: privacy ? { ...options.rtc, iceTransportPolicy: 'relay' } : (options.rtc ?? {}),
    minLanes: min,
    maxLanes: max,
    reliable: delivery === 'reliable',
    bandwidthLimit: Math.ceil(bandwidthLimit),
    // Last, so that nothing that throws leaves it behind.
    secret: resolveSecret(options.secret, options.secretKind),
    privacy,
    encryption,
    worker: options.worker,
    signal: options.signal,
  };
}

function hasTurnServer(rtc: RTCConfiguration = {}): boolean {
  return (rtc.iceServers ?? []).flatMap(({ urls }) => urls).some((url) => /^turns?:/i.test(url));
}

function unavailable(what: string): MillraceError {
  return new MillraceError('not-supported', `${what} is not available yet`);
}
