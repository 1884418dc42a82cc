import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { findLostFragment, markExposed } from '../base/invite_link.js';
import type { IceOffice } from './ice.js';
import type { Metrics } from './metrics.js';
import { isLocal } from './origins.js';
import { send, serveStatic, type Headers, type Mount } from './static.js';

/** Who may read `/metrics`: programs on this machine, anyone, nobody, or those with the token. */
export type MetricsAccess = 'local' | 'anyone' | 'nobody' | { readonly token: string };

export interface AnswerOptions {
  /** Headers of the answer to a request. */
  headersFor(request: IncomingMessage): Headers;
  readonly mounts: readonly Mount[];
  readonly metrics: Metrics;
  readonly metricsAccess: MetricsAccess;
  readonly ice: IceOffice;
}

type Answer = (request: IncomingMessage, response: ServerResponse, address: string) => Promise<void>;

/** Answers HTTP requests: `/healthz`, `/metrics`, `/ice`, and files. */
export function answerWith(options: AnswerOptions): Answer {
  const { mounts, metrics, metricsAccess, ice } = options;
  return async (request, response, address) => {
    const headers = options.headersFor(request);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      return send(response, headers, 405, 'method not allowed\n');
    }
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    const lost = findLostFragment(path);
    if (lost !== undefined) {
      // Relative: a proxy may serve this site below a path of its own. The page that opens repairs the fragment.
      response.setHeader('Location', `./${markExposed(lost.fragment)}`);
      return send(response, headers, 302, 'the invite link is behind a "#"\n');
    }
    switch (path) {
      case '/healthz':
        return send(response, headers, 200, 'ok\n');
      case '/metrics':
        if (metricsAccess === 'nobody' || (metricsAccess === 'local' && !isLocal(request))) return send(response, headers, 404, 'not found\n');
        if (typeof metricsAccess === 'object' && !isBearer(request, metricsAccess.token)) {
          response.setHeader('WWW-Authenticate', 'Bearer');
          return send(response, headers, 401, 'not without the token\n');
        }
        return send(response, headers, 200, metrics.toString(), 'text/plain; version=0.0.4; charset=utf-8');
      case '/ice': {
        const body = ice.answerAnyone(address);
        if (body === undefined) {
          response.setHeader('Retry-After', '60');
          return send(response, headers, 429, 'too many requests\n');
        }
        return send(response, headers, 200, `${body}\n`, 'application/json; charset=utf-8');
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
