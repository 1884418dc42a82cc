import { createHmac } from 'node:crypto';
import { randomBase64Url } from '../base/ids.js';

export interface IceOptions {
  readonly stunUrls: readonly string[];
  readonly turnUrls: readonly string[];
  /** The TURN server's `static-auth-secret`; required where there are `turnUrls`. */
  readonly turnSecret: string | undefined;
  /** How long a credential may be used to allocate, s. */
  readonly turnTtlSeconds: number;
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
