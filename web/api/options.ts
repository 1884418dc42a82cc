import type { MillraceError } from './errors.js';
import type { Profile, SizingMode } from './profile.js';

/**
 * Carries small JSON messages between the two sides until they are connected. It is not trusted: whatever it delivers,
 * nothing worse than a typed error comes of it. `connect` takes it over, and closes it when the session ends.
 */
export interface Signaling {
  /** Takes a message, which JSON can say, to the other side, or to everyone else there: whom it is for stands in it. */
  send(message: object): void;
  /** Set by `connect`; the implementation calls it with each message of the other side, parsed. */
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
  /** Called once, when the session ends or the attempt to connect fails. */
  close?(): void;
}

/** `RTCPeerConnection` of a browser, or what another WebRTC stack has under that name. */
export type PeerConnectionClass = new (configuration?: RTCConfiguration) => RTCPeerConnection;

/** What `connect` takes. What means nothing is rejected with 'invalid-argument'. */
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
  /** Makes them, where it is not the browser that does: a WebRTC stack for Node.js. Its channels stay in this thread. */
  RTCPeerConnection?: PeerConnectionClass;
  /**
   * Peer connections that carry bulk: `min` are kept open, more where they pay. Default 1 to 32, which is also the most; more
   * than 16 are opened only where a link loses packets at random.
   */
  lanes?: {
    /** 1 to `max`. */
    min?: number;
    /** `min` to 32. */
    max?: number;
  };
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
  waterMarks?: {
    /** More than `low`. */
    high: number;
    /** From 0 on. */
    low: number;
  };
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
  /** Keeps a log of what happens in each transfer (docs/trace.md); see `Transfer.log`. Default false. */
  log?: boolean;
  /** Default: in a worker where channels can be transferred. `true` insists on it, `false` stays in the window. */
  worker?: boolean;
  /** Ends the attempt, and later the session with everything in it, with 'aborted'. */
  signal?: AbortSignal;
}
