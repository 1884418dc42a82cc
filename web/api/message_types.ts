import { abortSignal, shape, type OptionsOf } from './shape.js';

/** A value that JSON can represent. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/**
 * The content of a message, at most 64 KiB once it is encoded. It arrives as what it was: a string as a string, an `ArrayBuffer` or
 * a view (`Float32Array`, `DataView` and so on) as one of the same kind, with a buffer of its own, and any other value as JSON.
 * A value that JSON would change or leave out is refused with 'invalid-argument': NaN, Infinity, undefined, a BigInt, a function,
 * a symbol, an array with gaps, an object of a class (`Map`, `Date`), an object that contains itself, and the keys `__proto__`,
 * `constructor` and `prototype`. Two things change: -0 arrives as 0, and a view of a subclass (`Buffer`) as one of its base.
 */
export type MessageData = string | ArrayBuffer | ArrayBufferView | JsonValue;

/** The options of `Peer.message`. */
export const messageShapes = {
  /** Gives the message up with 'aborted'. One that has left this side may arrive all the same. */
  signal: abortSignal(),
};

/** Options of `Peer.message`. */
export interface PeerMessageOptions extends OptionsOf<typeof messageShapes> {}

/** The options of `Peer.request`. */
export const requestShapes = {
  /** Gives the request up with 'aborted'; the signal of the other side's handler is aborted, too. */
  signal: abortSignal(),
  /** How long to wait for the answer, ms; then the request fails with 'timeout'. Default 30,000; Infinity: no limit. */
  timeoutMs: shape<number>('a number above 0', (value) => typeof value === 'number' && value > 0),
};

/** Options of `Peer.request`. */
export interface RequestOptions extends OptionsOf<typeof requestShapes> {}

/** What a handler of requests gets besides the data. */
export interface RequestContext {
  /** Aborted when the other side has given the request up, and when the session ends. */
  readonly signal: AbortSignal;
}

/**
 * Answers the other side's requests. If it throws or its promise rejects, the other side's `request` rejects with the code and
 * the detail of a `MillraceError`, or with 'peer-error' and the message of any other exception, at most 1,024 bytes of it.
 */
export type RequestHandler = (data: MessageData, context: RequestContext) => MessageData | Promise<MessageData>;
