// A process of its own, in which every listener of two sessions throws. Prints as JSON what was reported and what became of the sessions.
import { connectedPair, next } from './session_pair.mjs';

const reported = [];
process.on('uncaughtException', ({ message }) => reported.push(message));

const throwing = (name) => () => {
  throw new Error(name);
};
/** The listener of the package comes first, so that it cannot be spared. */
const throwAt = (target, ...names) => {
  for (const name of names) target.addEventListener(name, throwing(name));
};

const [a, b] = await connectedPair();
for (const peer of [a, b]) throwAt(peer, 'incoming', 'message', 'statechange', 'stats', 'log', 'path');
b.onmessage = throwing('onmessage');
b.onincoming = throwing('onincoming');
b.onrequest = throwing('onrequest');

await Promise.all([a.message(1), a.message(2)]);
const refused = await a.request(3).catch(({ code, explanation }) => [code, explanation]);
const coming = next(b, 'incoming');
const sending = a.send(new Uint8Array(100_000));
throwAt(sending, 'progress', 'statechange', 'stats');
const { offer } = await coming;
throwAt(offer, 'statechange');
const receiving = offer.accept({ sink: 'memory' });
throwAt(receiving, 'progress', 'statechange', 'stats');
const receipts = await Promise.all([sending.done, receiving.done]);
const states = [a.state, b.state];
await Promise.all([a.close(), b.close()]);
console.log(JSON.stringify({ refused, states, bytes: receipts.map(({ bytes }) => bytes), reported: [...new Set(reported)].sort(), messages: reported.filter((name) => name === 'onmessage').length }));
setImmediate(() => process.exit());
