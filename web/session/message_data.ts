import { MillraceError } from '../api/errors.js';
import type { MessageData } from '../api/message_types.js';

/** Largest encoded value, without its type. */
export const MAX_DATA_BYTES = 64 * 1024;
/** Deeper JSON could exhaust the stack. */
const MAX_DEPTH = 1_000;
/** The first byte of encoded data is its type (PROTOCOL.md, "Application messages"). */
const JSON_TEXT = 0;
const TEXT = 1;
const BUFFER = 2;
const FIRST_VIEW = 3;
/** Types from `FIRST_VIEW` on. Their elements are little-endian, as on every platform that browsers run on. */
const VIEWS: readonly (new (buffer: ArrayBuffer) => ArrayBufferView)[] = [
  DataView, Uint8Array, Int8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array,
  BigInt64Array, BigUint64Array,
];
const VIEW_NAMES = VIEWS.map(({ name }) => name);
/** Keys that reach a prototype when an application copies or merges a received value. */
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);
/** A text that does not match has no forbidden key: neither the words, nor an escape that could spell one. */
const SUSPICIOUS = /__proto__|constructor|prototype|\\/;
/** UTF-8 cannot carry half a surrogate pair; JSON escapes it. */
const LONE_SURROGATE = /\p{Surrogate}/u;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

// These read the internal slots of objects of any realm, which no property can feign.
const nameOfTypedArray = getterOf(Object.getPrototypeOf(Uint8Array.prototype) as object, Symbol.toStringTag);
const lengthOfBuffer = getterOf(ArrayBuffer.prototype, 'byteLength');

/**
 * The data after `offset` bytes that are left free for a header: a byte for its type, and the data itself.
 * Errors: throws 'invalid-argument' for data that would not arrive as it is, and 'too-large'. Cost: two copies.
 */
export function encodeData(data: MessageData, offset = 0): Uint8Array<ArrayBuffer> {
  try {
    const [type, body] = bodyOf(data);
    if (body.length > MAX_DATA_BYTES) throw tooLarge(body.length);
    const bytes = new Uint8Array(offset + 1 + body.length);
    bytes[offset] = type;
    bytes.set(body, offset + 1);
    return bytes;
  } catch (caught) {
    // A getter, a proxy or a detached buffer may throw anything.
    throw MillraceError.from(caught, 'invalid-argument');
  }
}

/** The data after `offset` bytes, with a buffer of its own; undefined for invalid data. The other side is not trusted. */
export function decodeData(bytes: Uint8Array, offset = 0): MessageData | undefined {
  const type = bytes[offset];
  const body = bytes.subarray(offset + 1);
  if (type === undefined || body.length > MAX_DATA_BYTES) return undefined;
  try {
    if (type === JSON_TEXT) return parseJson(decoder.decode(body));
    if (type === TEXT) return decoder.decode(body);
    const { buffer } = new Uint8Array(body);
    if (type === BUFFER) return buffer;
    const View = VIEWS[type - FIRST_VIEW];
    // Throws where the bytes are not whole elements.
    return View && new View(buffer);
  } catch {
    return undefined;
  }
}

function bodyOf(data: unknown): [type: number, body: Uint8Array] {
  if (typeof data === 'string') {
    if (data.length > MAX_DATA_BYTES) throw tooLarge(data.length);
    if (!LONE_SURROGATE.test(data)) return [TEXT, encoder.encode(data)];
  } else if (ArrayBuffer.isView(data)) {
    const name = (nameOfTypedArray(data) as string | undefined) ?? 'DataView';
    const index = VIEW_NAMES.indexOf(name);
    if (index === -1) throw cannotCarry(name);
    return [FIRST_VIEW + index, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
  } else if (isArrayBuffer(data)) {
    return [BUFFER, new Uint8Array(data)];
  }
  return [JSON_TEXT, encoder.encode(toJson(data))];
}

/** JSON that carries the value as it is. Errors: throws 'invalid-argument' where JSON would change it, and 'too-large' above 64 KiB. */
export function toJson(value: unknown): string {
  new JsonCheck().visit(value);
  return JSON.stringify(value);
}

/** Throws unless JSON carries a value as it is, and before the work for a value that is far too large. */
class JsonCheck {
  /** JSON has at least as many bytes as are taken from this. */
  #room = MAX_DATA_BYTES;
  readonly #above: object[] = [];

  visit(value: unknown): void {
    switch (typeof value) {
      case 'string':
        this.#take(value.length + 2);
        break;
      case 'number':
        if (!Number.isFinite(value)) throw cannotCarry(String(value));
        this.#take(1);
        break;
      case 'boolean':
        this.#take(4);
        break;
      case 'object':
        if (value === null) this.#take(4);
        else this.#enter(value);
        break;
      default:
        throw cannotCarry(typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`);
    }
  }

  #enter(value: object): void {
    if (this.#above.includes(value)) throw cannotCarry('an object that contains itself');
    if (this.#above.length >= MAX_DEPTH) throw cannotCarry(`more than ${MAX_DEPTH} objects in each other`);
    if (!Array.isArray(value) && !isPlain(value)) throw cannotCarry(kindOf(value));
    if ('toJSON' in value && typeof value.toJSON === 'function') throw cannotCarry('an object with a method toJSON');
    this.#above.push(value);
    if (Array.isArray(value)) this.#visitArray(value);
    else this.#visitObject(value as Record<string, unknown>);
    this.#above.pop();
  }

  #visitArray(array: readonly unknown[]): void {
    this.#take(1 + array.length);
    if (Object.keys(array).length !== array.length) throw cannotCarry('an array with gaps or named values');
    for (const value of array) this.visit(value);
  }

  #visitObject(object: Record<string, unknown>): void {
    if (Object.getOwnPropertySymbols(object).length > 0) throw cannotCarry('a key that is a symbol');
    this.#take(2);
    for (const key of Object.keys(object)) {
      if (FORBIDDEN_KEYS.has(key)) throw cannotCarry(`the key ${key}`);
      this.#take(key.length + 3);
      this.visit(object[key]);
    }
  }

  #take(bytes: number): void {
    this.#room -= bytes;
    if (this.#room < 0) throw tooLarge();
  }
}

function parseJson(text: string): MessageData | undefined {
  let harmless = true;
  const check = (key: string, value: MessageData): MessageData => {
    if (FORBIDDEN_KEYS.has(key)) harmless = false;
    return value;
  };
  // Checking each key takes as long as all other work for a short message.
  const value = JSON.parse(text, SUSPICIOUS.test(text) ? check : undefined) as MessageData;
  return harmless ? value : undefined;
}

/** Of no class. The prototype of another realm's objects is a different object, but has none above it either. */
function isPlain(object: object): boolean {
  const prototype = Object.getPrototypeOf(object) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function isArrayBuffer(value: unknown): value is ArrayBuffer {
  try {
    lengthOfBuffer(value);
    return true;
  } catch {
    return false;
  }
}

function getterOf(prototype: object, key: PropertyKey): (value: unknown) => unknown {
  const property = Object.getOwnPropertyDescriptor(prototype, key)!;
  return (value): unknown => property.get!.call(value);
}

/** Such as 'a Map', for people. */
function kindOf(object: object): string {
  const tag = Object.prototype.toString.call(object).slice('[object '.length, -1);
  return tag === 'Object' ? 'an object of a class' : `a ${tag}`;
}

function cannotCarry(what: string): MillraceError {
  return new MillraceError('invalid-argument', `a message cannot carry ${what}`);
}

function tooLarge(bytes?: number): MillraceError {
  const size = bytes === undefined ? `more than ${MAX_DATA_BYTES}` : `${bytes}`;
  return new MillraceError('too-large', `a message of ${size} bytes; ${MAX_DATA_BYTES} are allowed`);
}
