import { LEAF_BYTES } from './sink.js';

/** A part of a file: from `begin` up to, not including, `end`, bytes. */
export interface Range {
  readonly begin: number;
  readonly end: number;
}

/** Parts of one file, merged where they touch. */
export class RangeSet {
  /** Ascending, with gaps between them. */
  #ranges: Range[] = [];

  get ranges(): readonly Range[] {
    return this.#ranges;
  }

  /** Cost: one step for each range after this one, none when bytes come in order. */
  add(begin: number, end: number): void {
    let last = this.#ranges.length;
    while (last > 0 && this.#ranges[last - 1]!.begin > end) last -= 1;
    let first = last;
    let merged = { begin, end };
    while (first > 0 && this.#ranges[first - 1]!.end >= begin) {
      first -= 1;
      const { begin: before, end: after } = this.#ranges[first]!;
      merged = { begin: Math.min(before, merged.begin), end: Math.max(after, merged.end) };
    }
    this.#ranges.splice(first, last - first, merged);
  }

  /** Removes and returns all whole leaves; the last leaf of a file of `size` bytes may be shorter. Partial leaves stay. */
  takeLeaves(size: number): Range[] {
    const taken: Range[] = [];
    const rest: Range[] = [];
    for (const range of this.#ranges) {
      const begin = Math.ceil(range.begin / LEAF_BYTES) * LEAF_BYTES;
      const end = range.end === size ? size : Math.floor(range.end / LEAF_BYTES) * LEAF_BYTES;
      if (begin >= end) {
        rest.push(range);
        continue;
      }
      taken.push({ begin, end });
      if (range.begin < begin) rest.push({ begin: range.begin, end: begin });
      if (end < range.end) rest.push({ begin: end, end: range.end });
    }
    this.#ranges = rest;
    return taken;
  }
}
