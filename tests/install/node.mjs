// What a program for Node.js does with the installed package: the entry points, and a transfer over an injected WebRTC stack.
import assert from 'node:assert/strict';
import wrtc from '@roamhq/wrtc';
import { connect, createLinkKey } from 'millrace';
import { ChunkSizer, ready } from 'millrace/parts';
import sodium from 'millrace/sodium';

await Promise.all([sodium.ready, ready]);
assert.equal(sodium.crypto_generichash(32, 'message').length, 32);
assert.ok(new ChunkSizer().chunkSize > 0);

/** Two ends of a signalling in this process. */
function signalingPair() {
  const ends = [0, 1].map(() => ({ onmessage: null, other: null }));
  for (const [i, end] of ends.entries()) {
    end.send = (message) => queueMicrotask(() => ends[1 - i].onmessage?.(structuredClone(message)));
  }
  return ends;
}

const secret = createLinkKey();
const [sender, receiver] = await Promise.all(signalingPair().map((signaling) => connect({ signaling, secret, rtc: { iceServers: [] }, RTCPeerConnection: wrtc.RTCPeerConnection })));
assert.ok(sender.verified && receiver.verified);
const received = new Promise((resolve) => {
  receiver.onincoming = (offer) => resolve(offer.accept({ sink: 'memory' }).done);
});
const bytes = new Uint8Array(3_000_000).map((_, i) => i % 251);
const sent = await sender.send(bytes, { name: 'numbers.bin' }).done;
const [file] = (await received).files;
assert.equal(file.root, sent.files[0].root);
assert.deepEqual(new Uint8Array(await file.blob.arrayBuffer()), bytes);
await Promise.all([sender.close(), receiver.close()]);
console.log(`verified ${file.root}`);
// The stack keeps threads of its own.
process.exit(0);
