import { callSodium } from '../wasm/sodium.js';
import { requireValue } from './input.js';
import { allocate, wipe } from './memory.js';
import type { StateKind } from './spec.js';
import type { StateAddress } from './types.js';

interface Place {
  readonly address: number;
  readonly size: number;
}

/** States that nobody can reach any more: many streams are never finished. */
const forgotten = new FinalizationRegistry<Place>(({ address, size }) => wipe(address, size));

/** The state of a streaming function, in WebAssembly memory until it is released or forgotten. */
export class State implements StateAddress {
  readonly name: StateKind;
  #place: Place | null;

  constructor(kind: StateKind) {
    const size = Number(callSodium(`${kind}_statebytes`));
    this.name = kind;
    this.#place = { address: allocate(size), size };
    forgotten.register(this, this.#place, this);
  }

  /** Errors: TypeError where `value` is no state of that kind, or one that has been released. */
  static read(value: unknown, kind: StateKind, parameter: string): State {
    requireValue(value, parameter);
    if (!(typeof value === 'object' && value !== null && #place in value) || value.name !== kind) {
      throw new TypeError(`unsupported input type for ${parameter}`);
    }
    value.address();
    return value;
  }

  /** Errors: TypeError where it has been released. */
  address(): number {
    if (this.#place === null) throw new TypeError('state_address has been used up');
    return this.#place.address;
  }

  release(): void {
    if (this.#place === null) return;
    forgotten.unregister(this);
    wipe(this.#place.address, this.#place.size);
    this.#place = null;
  }
}
