// A program with another WebRTC stack. `node stack.mjs STACK`: both sides are here. `node stack.mjs STACK LINK`: it sends to the minimal page.
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { connect, createLinkKey } from 'millrace';
import { webSocketSignaling } from 'millrace/signaling';

globalThis.WebSocket ??= WebSocket;
const [stack, link] = process.argv.slice(2);
const { RTCPeerConnection } = await import(stack);
const options = { rtc: { iceServers: [] }, RTCPeerConnection, lanes: { max: 1 } };

/** Two ends of a signalling in this process. */
function signalingPair() {
  const ends = [0, 1].map(() => ({ onmessage: null }));
  for (const [i, end] of ends.entries()) end.send = (message) => queueMicrotask(() => ends[1 - i].onmessage?.(structuredClone(message)));
  return ends;
}

const bytes = new Uint8Array(200_000).map((_, i) => i % 251);

async function toItself() {
  const secret = createLinkKey();
  const [sender, receiver] = await Promise.all(signalingPair().map((signaling) => connect({ ...options, signaling, secret })));
  const received = new Promise((resolve) => (receiver.onincoming = (offer) => resolve(offer.accept({ sink: 'memory' }).done)));
  const sent = await sender.send(bytes, { name: 'numbers.bin' }).done;
  const [file] = (await received).files;
  assert.equal(file.root, sent.files[0].root);
  assert.deepEqual(new Uint8Array(await file.blob.arrayBuffer()), bytes);
  return file.root;
}

async function toPage() {
  const { searchParams, hash } = new URL(link);
  const signaling = webSocketSignaling(new URL(`/signal?room=${searchParams.get('room')}`, link));
  const peer = await connect({ ...options, signaling, secret: hash.slice(1) });
  const { files } = await peer.send(bytes, { name: 'numbers.bin' }).done;
  await peer.close();
  return files[0].root;
}

console.log(`verified ${await (link === undefined ? toItself() : toPage())}`);
process.exit();
