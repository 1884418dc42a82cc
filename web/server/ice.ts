import { createHmac } from 'node:crypto';
import { randomBase64Url } from '../base/ids.js';
import { isRecord } from '../base/is_record.js';
import { TokenBucket } from '../base/token_bucket.js';
import type { Limits } from './limits.js';
import type { Metrics } from './metrics.js';
import { Recent } from './recent.js';

export interface IceOptions {
  readonly stunUrls: readonly string[];
  readonly turnUrls: readonly string[];
  /** The TURN server's `static-auth-secret`; required where there are `turnUrls`. */
  readonly turnSecret: string | undefined;
  /** How long a credential may be used to allocate, s. */
  readonly turnTtlSeconds: number;
  /** Whether `/ice` gives TURN credentials to everyone. Otherwise only members of a room get them. */
  readonly openTurn: boolean;
}

export interface IceServer {
  readonly urls: readonly string[];
  readonly username?: string;
  readonly credential?: string;
}

/**
 * The `iceServers` of an `RTCConfiguration`, with a new credential for each call. `nowMs`: ms since 1970.
 * Source: draft-uberti-behave-turn-rest-00, section 2.2, as coturn's `use-auth-secret` reads it: the user name is the time of
 * expiry (s since 1970) and an id; the password is the Base64 of its HMAC-SHA1 under the shared secret.
 */
export function makeIceServers(options: IceOptions, nowMs: number): IceServer[] {
  const servers: IceServer[] = [];
  if (options.stunUrls.length > 0) servers.push({ urls: options.stunUrls });
  if (options.turnUrls.length > 0 && options.turnSecret !== undefined) {
    // The id says nothing about the client; it only keeps two credentials of one second apart.
    const username = `${Math.floor(nowMs / 1000) + options.turnTtlSeconds}:${randomBase64Url(9)}`;
    const credential = createHmac('sha1', options.turnSecret).update(username).digest('base64');
    servers.push({ urls: options.turnUrls, username, credential });
  }
  return servers;
}

/** Addresses whose requests are counted; beyond these the oldest is forgotten. */
const MAX_ADDRESSES = 10_000;
/** The request is `{"millrace":1,"type":"ice","id":"…"}`. Longer messages are forwarded without being read. */
const MAX_REQUEST_BYTES = 128;
const requestPattern = /"type"\s*:\s*"ice"/;
const idPattern = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * Hands out ICE servers: over HTTP to everyone, and over the signalling socket to members of a room. Both count as requests of
 * their address, and an address has `icePerMinute` of them. Methods give undefined for a request beyond that.
 */
export class IceOffice {
  readonly #options: IceOptions;
  readonly #limits: Limits;
  readonly #metrics: Metrics;
  readonly #asked = new Recent<string, TokenBucket>(MAX_ADDRESSES);

  constructor(options: IceOptions, limits: Limits, metrics: Metrics) {
    this.#options = options;
    this.#limits = limits;
    this.#metrics = metrics;
  }

  /** The body of an answer over HTTP. */
  answerAnyone(address: string): string | undefined {
    const { openTurn } = this.#options;
    return this.#mayAsk(address) ? JSON.stringify(this.#offer(openTurn ? this.#options : { ...this.#options, turnUrls: [] })) : undefined;
  }

  /**
   * The answer to a member's message, or null where the message is no request and has to be forwarded. Beyond the limit, the
   * answer has no `iceServers`.
   */
  answerMember(message: Buffer, address: string): string | null {
    const id = requestId(message);
    if (id === null) return null;
    const offer = this.#mayAsk(address) ? this.#offer(this.#options) : {};
    return JSON.stringify({ millrace: 1, type: 'ice', ...(id === undefined ? {} : { id }), ...offer });
  }

  #offer(options: IceOptions): { iceServers: IceServer[]; ttlSeconds: number } {
    return { iceServers: makeIceServers(options, Date.now()), ttlSeconds: options.turnTtlSeconds };
  }

  #mayAsk(address: string): boolean {
    const now = performance.now();
    const { icePerMinute } = this.#limits;
    const bucket = this.#asked.get(address) ?? new TokenBucket(icePerMinute, icePerMinute / 60, now);
    this.#asked.set(address, bucket);
    const may = bucket.take(now);
    this.#metrics.add('millrace_ice_total', 1, `status="${may ? 200 : 429}"`);
    return may;
  }
}

/** The id of a request for ICE servers, undefined for one without an id, null for any other message. */
function requestId(message: Buffer): string | undefined | null {
  if (message.byteLength > MAX_REQUEST_BYTES) return null;
  const text = message.toString();
  if (!requestPattern.test(text)) return null;
  try {
    const request: unknown = JSON.parse(text);
    // Messages between members name their sender.
    if (!isRecord(request) || request['type'] !== 'ice' || 'from' in request) return null;
    const { id } = request;
    return typeof id === 'string' && idPattern.test(id) ? id : undefined;
  } catch {
    return null;
  }
}
