import type { MillraceError } from './errors.js';
import type { Profile, SizingMode } from './profile.js';

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
   * Called when the session's connection broke and a new one needs signalling. An implementation that cannot deliver messages
   * any more should try again. May be called often.
   */
  reopen?(): void;
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

/** The options of `connect`. Invalid values are rejected with 'invalid-argument'. */
export interface ConnectOptions {
  /** The two sides may call `connect` in any order. */
  signaling: Signaling;
  /**
   * Shared out of band, the same on both sides: a link key (`createLinkKey`) or a short code (`createCode`). Only someone with
   * the same secret can connect; all others fail with 'authentication-failed'. It never goes to the signalling.
   */
  secret?: string;
  /**
   * 'key': base64url of at least 128 bits, mixed into the keys. 'code': anything shorter, used in a password-authenticated
   * exchange; after a failed attempt a code is burnt, and this page does not accept it again. Default: 'key' for 22 or more
   * characters of base64url with an upper-case letter among them, else 'code'.
   */
  secretKind?: 'key' | 'code';
  /** Used for every peer connection of the session. */
  rtc?: RTCConfiguration;
  /** The class of all connections if not the browser's, such as that of a WebRTC stack for Node.js. Its channels stay in this thread. */
  RTCPeerConnection?: PeerConnectionClass;
  /**
   * Number of bulk lanes: `min` are kept open, and up to `max` where more of them help. Default 1 to 32, which is also the
   * limit; more than 16 are opened only on links that lose packets at random.
   */
  lanes?: {
    /** 1 to `max`. */
    min?: number;
    /** `min` to 32. */
    max?: number;
  };
  /**
   * How this side sends file data. 'unreliable': Millrace retransmits instead of the channels; above 5 % loss the session
   * changes to reliable channels by itself and reports that ('log'). Default 'reliable'.
   */
  delivery?: 'reliable' | 'unreliable';
  /**
   * The kind of network: sets bounds for the chunk size, and for the number of lanes if `lanes` does not. 'auto' goes by
   * measurement, without bounds. Default 'auto'.
   */
  profile?: Profile;
  /** How quickly the chunk size follows the link; default: that of the profile. */
  mode?: SizingMode;
  /**
   * Bytes that are read and scheduled at once, an integer from 16 KiB to 4 MiB; default: follows the link. On slow links
   * records are smaller than a chunk.
   */
  chunkSize?: number;
  /**
   * Water marks of each lane's channel, bytes: a channel that holds `high` gets nothing more until it holds `low` or less.
   * Default 1 MiB and 256 KiB. Values above the capacity of a browser's queue are clamped.
   */
  waterMarks?: {
    /** More than `low`. */
    high: number;
    /** 0 or more. */
    low: number;
  };
  /** Limit of this side's sending rate, at least 16,384 bytes/s; 0: no limit. Default 0. */
  bandwidthLimit?: number;
  /**
   * True: all connections of this side use the TURN servers in `rtc.iceServers`, so that the other side does not learn its
   * address. Both sides pad their records, so that sizes reveal less. Default false.
   */
  privacy?: boolean;
  /**
   * False on both sides: only the data channel's own encryption hides the content; changes are still detected. If the two sides
   * differ, the session is encrypted; see `Peer.encrypted`. Default true.
   */
  encryption?: boolean;
  /** Keeps a log of each transfer (docs/trace.md); see `Transfer.log`. Default false. */
  log?: boolean;
  /** True: the engine must run in a worker. False: in the window. Default: in a worker if channels can be transferred to it. */
  worker?: boolean;
  /** Ends the attempt, or later the session with its transfers, with 'aborted'. */
  signal?: AbortSignal;
}
