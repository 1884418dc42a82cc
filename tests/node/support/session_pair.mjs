// Two sessions of the built package in one process: the real core, real connections, signalling in memory.
import { Room } from './room.mjs';
import { RTCPeerConnection } from './web_rtc.mjs';

globalThis.navigator ??= {};
export const { connect, MillraceError } = await import(new URL('../../../dist/millrace.js', import.meta.url).href);

/** Two peers that are connected to each other. `options`: for `connect`, the same on both sides. */
export async function connectedPair(options = {}) {
  const room = new Room();
  const join = () => connect({ signaling: room.join(), RTCPeerConnection, rtc: { iceServers: [] }, ...options });
  return Promise.all([join(), join()]);
}

/** Resolves with the next event of a type. Errors: rejects after 10 s. */
export function next(target, type) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${type}`)), 10_000);
    target.addEventListener(type, (event) => {
      clearTimeout(timer);
      resolve(event);
    }, { once: true });
  });
}

/** Closes all of them, so that their process can end. */
export async function closeAll(peers) {
  await Promise.all(peers.map((peer) => peer.close()));
}
