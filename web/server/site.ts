import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { defaultLimits, type Limits } from './limits.js';
import { Rooms } from './rooms.js';
import { sendText, serveStatic, type Mount } from './static.js';

export interface SiteOptions {
  /** Folder of the built package: `millrace.js` and its companions, with the demo in `demo/`. */
  readonly dist: string;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Where `port` is taken, take a free one instead of failing. */
  readonly fallBackToFreePort?: boolean;
  /** A further folder, served below `/pages/`; the tests keep their bare pages there. */
  readonly pages?: string | undefined;
  readonly limits?: Partial<Limits>;
}

export interface Site {
  /** `http://HOST:PORT/` */
  readonly url: string;
  readonly rooms: Rooms;
  close(): Promise<void>;
}

/** Serves the demo, the package and the signalling. Errors: rejects where the address cannot be listened on. */
export async function startSite(options: SiteOptions): Promise<Site> {
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const mounts: Mount[] = [
    ...(options.pages === undefined ? [] : [{ prefix: '/pages/', folder: options.pages }]),
    { prefix: '/dist/', folder: options.dist },
    { prefix: '/', folder: join(options.dist, 'demo') },
  ];
  const rooms = new Rooms(limits);

  const server = createServer({ headersTimeout: limits.headersTimeoutMs, connectionsCheckingInterval: limits.headersTimeoutMs / 2 }, (request, response) => {
    if (request.url === '/healthz' && (request.method === 'GET' || request.method === 'HEAD')) {
      sendText(response, 200, 'ok');
      return;
    }
    serveStatic(mounts, request, response).catch(() => response.destroy());
  });
  server.on('upgrade', (request, stream, head) => {
    stream.on('error', () => stream.destroy());
    const url = parseUrl(request.url ?? '');
    if (url === null || url.pathname !== '/signal') {
      stream.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    rooms.handleUpgrade(request, stream, head, url.searchParams.get('room'));
  });
  server.on('clientError', (error: NodeJS.ErrnoException, stream) => {
    // Browsers open sockets ahead of need. A word on one that has not asked yet would be taken for the answer to its first
    // request, so a socket that asked nothing in time is closed in silence.
    const timedOut = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
    if (stream.writable && !timedOut) stream.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    else stream.destroy();
  });

  try {
    await listen(server, options.port, options.host, options.fallBackToFreePort ?? false);
  } catch (error) {
    rooms.close();
    throw error;
  }
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    url: `http://${host}:${port}/`,
    rooms,
    close: () => closeSite(server, rooms),
  };
}

function parseUrl(path: string): URL | null {
  try {
    return new URL(path, 'http://localhost');
  } catch {
    return null;
  }
}

async function listen(server: Server, port: number, host: string, fallBack: boolean): Promise<void> {
  try {
    await listenOnce(server, port, host);
  } catch (error) {
    const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    if (!taken || !fallBack) throw error;
    await listenOnce(server, 0, host);
  }
}

function listenOnce(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function closeSite(server: Server, rooms: Rooms): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    rooms.close();
    server.closeAllConnections();
  });
}
