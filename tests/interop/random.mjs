// Random input that a printed seed brings back: a small generator (xorshift128 by Marsaglia), good enough to choose test data.

/** Lengths at which something begins or ends: 0, 1, and one below, at and above the blocks of what is tested. */
const edges = [0, 1, ...[16, 32, 64, 128, 256, 512].flatMap((block) => [block - 1, block, block + 1])];

export class Random {
  #words;

  constructor(seed) {
    this.#words = Uint32Array.from([seed, seed ^ 0x9e3779b9, 0x243f6a88, 0xb7e15162]);
    for (let i = 0; i < 16; i++) this.word();
  }

  word() {
    const words = this.#words;
    const t = words[0] ^ (words[0] << 11);
    words.copyWithin(0, 1);
    words[3] ^= (words[3] >>> 19) ^ t ^ (t >>> 8);
    return words[3];
  }

  /** From 0 to `bound` − 1. */
  below(bound) {
    return this.word() % bound;
  }

  pick(values) {
    return values[this.below(values.length)];
  }

  bytes(length) {
    const words = new Uint32Array(Math.ceil(length / 4));
    for (let at = 0; at < words.length; at++) words[at] = this.word();
    return new Uint8Array(words.buffer, 0, length).slice();
  }

  /** Short, every other one of a length at an edge. */
  message() {
    return this.bytes(this.below(2) === 0 ? this.pick(edges) : this.below(600));
  }

  /** As additional data and keys are: often not there. */
  maybe(length = this.below(70)) {
    return this.below(3) === 0 ? null : this.bytes(length);
  }
}
