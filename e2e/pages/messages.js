// Messages of the bare page. Tests name data by descriptions of plain data: `{ string }`, `{ json }` or `{ kind, size, seed }`, for
// binary data of a class such as 'Float32Array', `size` in bytes.
import { randomBytes, sha256 } from './random.js';

function make({ string, json, kind, size, seed }) {
  if (string !== undefined) return string;
  if (json !== undefined) return json;
  const bytes = randomBytes(size, seed).slice();
  return kind === 'ArrayBuffer' ? bytes.buffer : new globalThis[kind](bytes.buffer);
}

/** What data is, so that descriptions are equal where data is. `own`: it has the whole of its buffer. */
async function describe(data) {
  if (typeof data === 'string') return { string: data };
  const buffer = data instanceof ArrayBuffer ? data : ArrayBuffer.isView(data) ? data.buffer : null;
  if (!buffer) return { json: data };
  return { kind: data.constructor.name, own: buffer.byteLength === data.byteLength, sha256: await sha256(new Blob([data])) };
}

const outcomeOf = (promise) => promise.then((value) => ({ value: value ?? null }), ({ code, explanation, byPeer }) => ({ code, explanation, byPeer }));

/** `peerOf`: gives the session of the page; `until` and `changed`: as the bare page has them. */
export function messaging(peerOf, until, changed) {
  const heard = [];
  let reading = null;
  /** Numbered messages on their way. */
  let numbered = null;
  return {
    listenForMessages() {
      peerOf().onmessage = ({ data }) => {
        heard.push(data);
        changed();
      };
    },
    /** How many wait for `takeMessages`. */
    heardMessages: () => heard.length,
    /** Removes so many messages, once they are there, and describes them. */
    async takeMessages(count) {
      await until(() => heard.length >= count);
      return Promise.all(heard.splice(0, count).map(describe));
    },
    /** From now on a loop reads so many messages. */
    startReading(count) {
      reading = (async () => {
        const read = [];
        for await (const data of peerOf().messages()) if (read.push(data) === count) break;
        return Promise.all(read.map(describe));
      })();
    },
    /** Describes what the loop has read, once it has. */
    readMessages: () => reading,
    /** Gives how each has ended. */
    sendMessages: (list) => Promise.all(list.map((one) => outcomeOf(peerOf().message(make(one))))),
    describeMessages: (list) => Promise.all(list.map((one) => describe(make(one)))),
    /** Data that cannot be sent, by name; gives how each has ended. */
    sendImpossible() {
      const circular = {};
      circular.self = circular;
      const frame = document.body.appendChild(document.createElement('iframe'));
      const values = {
        Map: new Map([[1, 2]]), 'a Map of another window': new frame.contentWindow.Map(), NaN, undefined, function: () => 1, circular, Date: new Date(),
        BigInt: 1n, Blob: new Blob(['x']), 'an element': frame, 'a view within': { view: new Uint8Array(1) },
      };
      return Promise.all(Object.entries(values).map(async ([name, value]) => [name, (await outcomeOf(peerOf().message(value))).code]));
    },
    /** Sends so many numbered messages, one every `everyMs`. `numberedSent` tells how they have ended. */
    sendNumbered(count, everyMs) {
      numbered = Promise.all(
        Array.from({ length: count }, async (_, index) => {
          await new Promise((resolve) => setTimeout(resolve, index * everyMs));
          return outcomeOf(peerOf().message({ index, filling: 'x'.repeat(index % 100 === 0 ? 50_000 : 0) }));
        }),
      );
    },
    numberedSent: () => numbered,
    /** The numbers of all messages so far, once there are `count` of them and none came for `quietMs`. */
    async numberedHeard(count, quietMs) {
      await until(() => heard.length >= count);
      await new Promise((resolve) => setTimeout(resolve, quietMs));
      return heard.splice(0).map(({ index }) => index);
    },
    /** Answers with the data twice; throws for 'refuse'; never answers 'wait'. Gives nothing. */
    answerRequests() {
      peerOf().onrequest = async (data) => {
        if (data === 'refuse') throw new RangeError('not today');
        if (data === 'wait') await new Promise(() => {});
        return [data, data];
      };
    },
    request: (data, options) => outcomeOf(peerOf().request(data, options)),
    /**
     * Sends `count` messages of `bytes` at a steady rate, with at most 1,000 pending. Gives how long it took until the other side had
     * them all, and how many were pending at most in each fifth of them.
     */
    async floodMessages(count, bytes, perSecond) {
      const start = performance.now();
      const mostPending = [0, 0, 0, 0, 0];
      const sending = [];
      let taken = 0;
      while (sending.length < count) {
        const due = Math.min(count, Math.ceil(((performance.now() - start) / 1_000) * perSecond));
        while (sending.length < due && sending.length - taken < 1_000) sending.push(peerOf().message(new Uint8Array(bytes)).then(() => (taken += 1)));
        const fifth = Math.floor(((sending.length - 1) / count) * 5);
        mostPending[fifth] = Math.max(mostPending[fifth], sending.length - taken);
        await new Promise((resolve) => setTimeout(resolve, 4));
      }
      await Promise.all(sending);
      return { seconds: (performance.now() - start) / 1_000, mostPending };
    },
    /** Requests one after the other; gives how long each took, ms. */
    async requestRepeatedly(count) {
      const times = [];
      for (let index = 0; index < count; index += 1) {
        const start = performance.now();
        await peerOf().request(index);
        times.push(performance.now() - start);
      }
      return times;
    },
  };
}
