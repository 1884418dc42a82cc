import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { randomHex } from '../base/ids.js';
import { clientAddress } from './addresses.js';
import { answerWith, type MetricsAccess } from './answers.js';
import { Bus } from './bus.js';
import { Desk } from './desk.js';
import { Door } from './door.js';
import { IceOffice, type IceOptions } from './ice.js';
import { defaultLimits, type Limits } from './limits.js';
import { createMetrics } from './metrics.js';
import { MqttNameplateBridge } from './nameplate_bridge.js';
import { goneTopic, MqttRoomBridge } from './room_bridge.js';
import { Rooms, type RoomBridge } from './rooms.js';
import { ownHost } from './origins.js';
import { securityHeaders, type Headers, type Mount } from './static.js';

export interface SiteOptions {
  /** Folder of the built package: `millrace.js` and its companions, with the demo in `demo/`. */
  readonly dist: string;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Where `port` is taken, a free one is used. */
  readonly fallBackToFreePort?: boolean;
  /** A further folder, served below `/pages/`; the tests keep their bare pages there. */
  readonly pages?: string | undefined;
  /** Whether pages are cross-origin isolated (COOP, COEP). Default true. */
  readonly crossOriginIsolation?: boolean;
  /** Proxies in front of this server whose X-Forwarded-For counts. Default: 0. */
  readonly trustedProxies?: number;
  /** Origins of other sites whose pages may use the signalling; `*`: any. Default: none. */
  readonly allowedOrigins?: readonly string[];
  /** Sources of `connect-src` in the content security policy, beside this server. Default: none. */
  readonly connectSources?: readonly string[];
  /** Default: 'local'. */
  readonly metrics?: MetricsAccess;
  readonly ice?: IceOptions;
  /** Shares rooms with other servers over this broker. */
  readonly bridge?: { readonly url: string; readonly prefix: string } | undefined;
  readonly limits?: Partial<Limits>;
}

export interface Site {
  /** `http://HOST:PORT/` */
  readonly url: string;
  readonly rooms: Rooms;
  /** Whether the broker of the bridge is connected. */
  readonly bridged: boolean;
  /** Closes every connection; resolves when all are gone, after half a second at the latest. */
  close(): Promise<void>;
}

const noIce: IceOptions = { stunUrls: [], turnUrls: [], turnSecret: undefined, turnTtlSeconds: 0, openTurn: false };

/** Serves the demo, the package and the signalling. Errors: rejects where the server cannot listen on the address. */
export async function startSite(options: SiteOptions): Promise<Site> {
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const trustedProxies = options.trustedProxies ?? 0;
  const metrics = createMetrics();
  const mounts: Mount[] = [
    ...(options.pages === undefined ? [] : [{ prefix: '/pages/', folder: options.pages }]),
    { prefix: '/dist/', folder: options.dist },
    { prefix: '/', folder: join(options.dist, 'demo') },
  ];

  const server = randomHex(12);
  const { bridge } = options;
  const will = { topic: goneTopic(bridge?.prefix ?? ''), text: JSON.stringify({ server }) };
  const bus = bridge === undefined ? undefined : await Bus.start({ url: bridge.url, will, maxMessageBytes: limits.maxMessageBytes });
  let roomBridge: RoomBridge | undefined;
  if (bridge !== undefined && bus !== undefined) {
    roomBridge = new MqttRoomBridge({
      bus,
      prefix: bridge.prefix,
      server,
      metrics,
      ondeliver: (room, text) => rooms.deliver(room, text),
      onreturn: (room, name) => rooms.giveUp(room, name),
      onlost: (room) => rooms.lost(room),
    });
  }
  const rooms: Rooms = new Rooms(limits, metrics, roomBridge);
  const desk = new Desk(limits, metrics, (nameplates) =>
    bus === undefined || bridge === undefined ? undefined : new MqttNameplateBridge(bus, bridge.prefix, nameplates),
  );
  const ice = new IceOffice(options.ice ?? noIce, limits, metrics);
  const { allowedOrigins = [], connectSources = [], crossOriginIsolation = true } = options;
  const door = new Door({ limits, metrics, rooms, desk, ice, allowedOrigins, trustedProxies, bridge: roomBridge });
  metrics.gauge('millrace_rooms', 'Rooms with somebody in them.', () => rooms.roomCount);
  metrics.gauge('millrace_clients', 'Sockets in rooms.', () => rooms.clientCount);
  metrics.gauge('millrace_unread_bytes', 'Bytes that members were sent and have not taken yet.', () => rooms.unreadBytes);
  metrics.gauge('millrace_codes_waiting', 'Short codes that wait for somebody.', () => desk.nameplates.waiting);
  if (bus !== undefined) metrics.gauge('millrace_bridge_connected', 'Whether the broker is there.', () => Number(bus.connected));

  const headersFor = (request: IncomingMessage): Headers =>
    securityHeaders({ isolated: crossOriginIsolation, host: ownHost(request, trustedProxies), connectSources });
  const answer = answerWith({ headersFor, mounts, metrics, metricsAccess: options.metrics ?? 'local', ice });
  const httpOptions = { headersTimeout: limits.headersTimeoutMs, connectionsCheckingInterval: limits.headersTimeoutMs / 2 };
  const http = createServer(httpOptions, (request: IncomingMessage, response: ServerResponse) => {
    answer(request, response, clientAddress(request, trustedProxies)).catch(() => response.destroy());
  });
  http.on('upgrade', (request, stream, head) => {
    stream.on('error', () => stream.destroy());
    const url = parseUrl(request.url ?? '');
    if (url === null || url.pathname !== '/signal') {
      stream.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    door.handleUpgrade(request, stream, head, url.searchParams, clientAddress(request, trustedProxies));
  });
  http.on('clientError', (error: NodeJS.ErrnoException, stream) => {
    // Browsers open sockets ahead of need. They would take an error on an unused socket for the answer to its first request, so
    // a socket that sent no request in time is closed without an answer.
    const timedOut = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
    if (stream.writable && !timedOut) stream.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    else stream.destroy();
  });

  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => http.close(() => resolve()));
    rooms.close();
    await door.close();
    await bus?.close();
    http.closeAllConnections();
    await closed;
  };
  try {
    await listen(http, options.port, options.host, options.fallBackToFreePort ?? false);
  } catch (error) {
    await close();
    throw error;
  }
  const { port } = http.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    url: `http://${host}:${port}/`,
    rooms,
    get bridged() {
      return bus?.connected ?? false;
    },
    close,
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
