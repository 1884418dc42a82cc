import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { makeIceServers, type IceOptions } from './ice.js';
import type { Limits } from './limits.js';
import type { Metrics } from './metrics.js';
import { Recent } from './recent.js';
import { send, serveStatic, type Headers, type Mount } from './static.js';
import { TokenBucket } from './token_bucket.js';

export interface AnswerOptions {
  /** Headers of every answer. */
  readonly headers: Headers;
  readonly mounts: readonly Mount[];
  readonly metrics: Metrics;
  /** False: no `/metrics`; a text: the token that a request must carry. */
  readonly metricsAccess: boolean | string;
  readonly ice: IceOptions;
  readonly limits: Limits;
}

type Answer = (request: IncomingMessage, response: ServerResponse, address: string) => Promise<void>;

/** Addresses whose requests for credentials are counted; beyond these the oldest is forgotten. */
const MAX_ADDRESSES = 10_000;

/** Answers HTTP requests: `/healthz`, `/metrics`, `/ice`, and files. */
export function answerWith(options: AnswerOptions): Answer {
  const { headers, mounts, metrics, metricsAccess, limits } = options;
  const askedForIce = new Recent<string, TokenBucket>(MAX_ADDRESSES);

  const mayHaveIce = (address: string, now: number): boolean => {
    const bucket = askedForIce.get(address) ?? new TokenBucket(limits.icePerMinute, limits.icePerMinute / 60, now);
    askedForIce.set(address, bucket);
    return bucket.take(now);
  };

  return async (request, response, address) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      return send(response, headers, 405, 'method not allowed\n');
    }
    switch ((request.url ?? '').split('?', 1)[0]) {
      case '/healthz':
        return send(response, headers, 200, 'ok\n');
      case '/metrics':
        if (metricsAccess === false) return send(response, headers, 404, 'not found\n');
        if (typeof metricsAccess === 'string' && !isBearer(request, metricsAccess)) {
          response.setHeader('WWW-Authenticate', 'Bearer');
          return send(response, headers, 401, 'not without the token\n');
        }
        return send(response, headers, 200, metrics.toString(), 'text/plain; version=0.0.4; charset=utf-8');
      case '/ice': {
        const may = mayHaveIce(address, performance.now());
        metrics.add('millrace_ice_total', 1, `status="${may ? 200 : 429}"`);
        if (!may) {
          response.setHeader('Retry-After', '60');
          return send(response, headers, 429, 'too many requests\n');
        }
        const body = { iceServers: makeIceServers(options.ice, Date.now()), ttlSeconds: options.ice.turnTtlSeconds };
        return send(response, headers, 200, `${JSON.stringify(body)}\n`, 'application/json; charset=utf-8');
      }
      default:
        return serveStatic(mounts, headers, request, response);
    }
  };
}

function isBearer(request: IncomingMessage, token: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(request.headers.authorization ?? ''), digest(`Bearer ${token}`));
}
