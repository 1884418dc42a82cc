import { createSocket } from 'node:dgram';
import type { Page } from '@playwright/test';
import { startCoturn } from '../../tests/node/support/daemon.mjs';

/** What keeps a page from connecting. Every page here lacks the other side's candidates, as in networks that keep the two apart. */
export type Obstacle = 'no path' | 'silent STUN' | 'symmetric NAT' | 'TURN refuses' | 'browser blocks' | 'no network';

/** Servers for obstacles, to be stopped after the test. */
export interface ObstacleServers {
  readonly stun: RTCIceServer[];
  readonly turn: RTCIceServer[];
  stop(): Promise<void>;
}

/** A STUN server that never answers, and a TURN server with a wrong password. */
export async function startObstacleServers(): Promise<ObstacleServers> {
  const silent = createSocket('udp4');
  await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve));
  const coturn = await startCoturn();
  return {
    stun: [{ urls: `stun:127.0.0.1:${silent.address().port}` }],
    turn: coturn.iceServers.map((server) => ({ ...server, credential: 'wrong' })),
    stop: async () => {
      silent.close();
      await coturn.stop();
    },
  };
}

/** Answers the page's requests for ICE servers, which go over the signalling socket, instead of the server. */
async function giveIceServers(page: Page, iceServers: readonly RTCIceServer[]): Promise<void> {
  await page.routeWebSocket(/\/signal\b/, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((message) => {
      const request = JSON.parse(String(message)) as { type?: unknown; id?: unknown; from?: unknown };
      if (request.type === 'ice' && request.from === undefined) {
        socket.send(JSON.stringify({ millrace: 1, type: 'ice', id: request.id, iceServers, ttlSeconds: 600 }));
      } else {
        server.send(message);
      }
    });
  });
}

/** Puts the obstacle in the way of a page, before anything is loaded. */
export async function obstruct(page: Page, obstacle: Obstacle, servers: ObstacleServers): Promise<void> {
  const iceServers = obstacle === 'silent STUN' ? servers.stun : obstacle === 'TURN refuses' ? servers.turn : [];
  await giveIceServers(page, iceServers);
  await page.addInitScript((kind) => {
    // Each is called with its connection as `this`.
    const { prototype } = RTCPeerConnection;
    prototype.addIceCandidate = async () => {};
    if (kind === 'no network') Object.defineProperty(navigator, 'onLine', { get: () => false });
    if (kind === 'no network' || kind === 'browser blocks') {
      // eslint-disable-next-line @typescript-eslint/unbound-method
      const listen = prototype.addEventListener as EventTarget['addEventListener'];
      prototype.addEventListener = function (this: RTCPeerConnection, ...args: Parameters<EventTarget['addEventListener']>) {
        if (args[0] !== 'icecandidate') listen.apply(this, args);
      } as typeof prototype.addEventListener;
    }
    if (kind === 'symmetric NAT') {
      // eslint-disable-next-line @typescript-eslint/unbound-method
      const describe = prototype.setLocalDescription;
      prototype.setLocalDescription = async function (this: RTCPeerConnection, ...args: Parameters<typeof describe>) {
        await describe.apply(this, args);
        // What two STUN servers see of one socket behind such a NAT.
        for (const port of [50_000, 50_001]) {
          const candidate = new RTCIceCandidate({ candidate: `candidate:7 1 udp 1677729535 198.51.100.7 ${port} typ srflx raddr 0.0.0.0 rport 0`, sdpMid: '0' });
          this.dispatchEvent(new RTCPeerConnectionIceEvent('icecandidate', { candidate }));
        }
      } as typeof describe;
    }
  }, obstacle);
}
