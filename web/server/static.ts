import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join, sep } from 'node:path';

const mimeTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.txt': 'text/plain; charset=utf-8',
  '.ts': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
};

export type Headers = Readonly<Record<string, string>>;

export interface SecurityOptions {
  /** Pages get a process of their own, and everything that they load has to agree (COOP, COEP). */
  readonly isolated: boolean;
  /** The host, with its port, by which the client reaches this server. */
  readonly host: string | undefined;
  /** Further sources of `connect-src`. */
  readonly connectSources: readonly string[];
}

/**
 * `frame-src`: downloads of the site's own service worker. `blob:`: received pictures that a person wants to see. `connect-src`
 * names the host for older Safari, which does not count the page's own WebSocket as 'self'. The grammar of policies has no IPv6
 * addresses.
 */
function contentSecurityPolicy({ host, connectSources }: SecurityOptions): string {
  const sockets = host === undefined || host.startsWith('[') ? [] : [`ws://${host}`, `wss://${host}`];
  return [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self'",
    "frame-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob:",
    ["connect-src 'self'", ...sockets, ...connectSources].join(' '),
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** Headers of every answer. */
export function securityHeaders(options: SecurityOptions): Headers {
  return {
    'Content-Security-Policy': contentSecurityPolicy(options),
    ...(options.isolated ? { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' } : {}),
    'Cross-Origin-Resource-Policy': 'same-origin',
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Permissions-Policy': 'camera=(), microphone=(), geolocation=()',
  };
}

/** A folder that is served below a URL prefix; the first mount whose prefix fits answers. */
export interface Mount {
  /** Begins and ends with a slash. */
  readonly prefix: string;
  readonly folder: string;
}

/** Answers a GET or HEAD from the folders of `mounts`. Nothing outside them is reachable, not even through symbolic links. */
export async function serveStatic(
  mounts: readonly Mount[],
  headers: Headers,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = requestPath(request.url ?? '/');
  const file = path === null ? null : await findFile(mounts, path);
  const type = file === null ? undefined : mimeTypes[extname(file.path)];
  if (file === null || type === undefined) {
    send(response, headers, 404, 'not found\n');
    return;
  }

  // File names carry no hash, so that a page imports them by their documented names: caches keep them, but always ask again.
  const etag = `"${file.size.toString(16)}-${Math.floor(file.modifiedMs).toString(16)}"`;
  response.setHeader('ETag', etag);
  response.setHeader('Cache-Control', 'no-cache');
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (request.headers['if-none-match'] === etag) {
    response.writeHead(304).end();
    return;
  }
  response.setHeader('Content-Type', type);
  response.setHeader('Content-Length', file.size);
  response.writeHead(200);
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  const stream = createReadStream(file.path);
  stream.on('error', () => response.destroy());
  response.on('close', () => stream.destroy());
  stream.pipe(response);
}

/** An answer that is made for this request and never cached, with the same security headers as a file. */
export function send(response: ServerResponse, headers: Headers, status: number, body: string, type = 'text/plain; charset=utf-8'): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.setHeader('Content-Type', type);
  response.setHeader('Cache-Control', 'no-store');
  response.writeHead(status).end(body);
}

/** The decoded path of a request, or null where it is not a plain path. */
function requestPath(url: string): string | null {
  let path: string;
  try {
    path = decodeURIComponent(url.split(/[?#]/, 1)[0] ?? '/');
  } catch {
    return null;
  }
  // `split` and `join` below know only "/"; a path contains no backslash and no NUL.
  if (!path.startsWith('/') || /[\\\0]/.test(path)) return null;
  return path.split('/').some((part) => part.startsWith('.')) ? null : path;
}

async function findFile(
  mounts: readonly Mount[],
  path: string,
): Promise<{ path: string; size: number; modifiedMs: number } | null> {
  const mount = mounts.find(({ prefix }) => path.startsWith(prefix));
  if (mount === undefined) return null;
  const rest = path.slice(mount.prefix.length);
  try {
    const folder = await realpath(mount.folder);
    const found = await realpath(join(folder, rest === '' ? 'index.html' : rest));
    if (!found.startsWith(folder + sep)) return null;
    const info = await stat(found);
    return info.isFile() ? { path: found, size: info.size, modifiedMs: info.mtimeMs } : null;
  } catch {
    return null;
  }
}
