/** Looks at every message that this window gives to a data channel. Import before the package does anything. */
export const wire = {
  counts: { messages: 0, hits: 0 },
  /** Counts from now on: `hits` are those that hold `text`. */
  watch(text) {
    needle = text;
    wire.counts = { messages: 0, hits: 0 };
  },
};
let needle = null;

const { send } = RTCDataChannel.prototype;
RTCDataChannel.prototype.send = function watchedSend(data) {
  if (needle !== null) {
    wire.counts.messages += 1;
    if (new TextDecoder('latin1').decode(data).includes(needle)) wire.counts.hits += 1;
  }
  return send.call(this, data);
};
