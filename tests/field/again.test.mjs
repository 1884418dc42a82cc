// A7: pages that connect, leave and connect again in one task, as React does with each effect in its strict mode.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import WebSocket from 'ws';
import { importTypeScript } from '../node/support/bundle.mjs';
import { connect } from '../node/support/session_pair.mjs';
import { startSite } from '../node/support/site.mjs';
import { RTCPeerConnection } from '../node/support/web_rtc.mjs';

// Node.js 20 has no WebSocket of its own; this one has the browser's interface.
globalThis.WebSocket ??= WebSocket;
const { webSocketSignaling } = await importTypeScript('tests/node/support/signaling_entry.ts');

let site;
before(async () => {
  site = await startSite({ dist: '/nowhere', host: '127.0.0.1', port: 0 });
});
after(() => site.close());

const join = (room, options) =>
  connect({ signaling: webSocketSignaling(`${site.url.replace('http', 'ws')}signal?room=${room}`), RTCPeerConnection, rtc: { iceServers: [] }, lanes: { max: 1 }, ...options });

/** A page that connects, leaves and connects again: both attempts. */
function page(room) {
  const leaving = new AbortController();
  const first = join(room, { signal: leaving.signal });
  leaving.abort();
  return { first, second: join(room) };
}

async function meetTwice() {
  const room = randomBytes(16).toString('base64url');
  const pages = [page(room), page(room)];
  for (const { first } of pages) await assert.rejects(first, { code: 'aborted' });
  const peers = await Promise.all(pages.map(({ second }) => second));
  assert.deepEqual(peers.map(({ state }) => state), ['connected', 'connected']);
  await Promise.all(peers.map((peer) => peer.close()));
}

test('A7: connect, abort and connect in one task reaches the other side, 50 times of 50', async () => {
  for (let round = 0; round < 10; round += 1) await Promise.all(Array.from({ length: 5 }, meetTwice));
});
