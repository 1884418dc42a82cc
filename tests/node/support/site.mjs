// The signalling server in this process, and sockets to it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import WebSocket from 'ws';
import { importTypeScript } from './bundle.mjs';

export const { startSite } = await importTypeScript('web/server/site.ts');

/** `query`: what stands after `/signal?`. */
export function openSocket(of, query, options = {}) {
  const socket = new WebSocket(`${of.url.replace('http', 'ws')}signal?${query}`, options);
  socket.on('error', () => {});
  return socket;
}

/** A member of a room. */
export async function enter(of, room) {
  const socket = openSocket(of, `room=${room}`);
  await once(socket, 'open', soon());
  return socket;
}

/** What is waited for comes by then, or never. */
const soon = () => ({ signal: AbortSignal.timeout(10_000) });

/** Code and reason of the close that is coming. */
export async function closing(socket) {
  const [code, reason] = await once(socket, 'close', soon());
  return { code, reason: String(reason) };
}

export async function nextText(socket) {
  const [data, isBinary] = await once(socket, 'message', soon());
  assert.equal(isBinary, false);
  return String(data);
}

/** Resolves when the server has taken everything that was sent to it before. */
export async function settle(socket) {
  socket.ping();
  await once(socket, 'pong');
}

/** Tries until `probe` gives something, for at most 5 s. */
export async function until(probe) {
  for (const deadline = Date.now() + 5_000; Date.now() < deadline; ) {
    const value = await probe();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`in vain: ${probe}`);
}
