// What "the same" means between two implementations.

const isPlain = (value) => typeof value === 'object' && value !== null && !(value instanceof Uint8Array);

/** Bytes, strings, numbers and records of them. */
export function equal(a, b) {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return a.length === b.length && a.every((byte, at) => byte === b[at]);
  if (isPlain(a) && isPlain(b)) {
    const keys = Object.keys(a).sort();
    return equal(keys.join(), Object.keys(b).sort().join()) && keys.every((key) => equal(a[key], b[key]));
  }
  return Object.is(a, b);
}

export function show(value) {
  if (value instanceof Uint8Array) return `${value.length} bytes ${Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join('').slice(0, 64)}`;
  if (isPlain(value)) return `{ ${Object.entries(value).map(([key, each]) => `${key}: ${show(each)}`).join(', ')} }`;
  return typeof value === 'bigint' ? `${value}n` : String(JSON.stringify(value));
}

export function same(a, b, what) {
  if (!equal(a, b)) throw new Error(`${what}: ${show(a)} is not ${show(b)}`);
}

export function holds(condition, what) {
  if (!condition) throw new Error(`${what} does not hold`);
}

/** What a call comes to: `{ value }`, or `{ error }` as its name and message. */
export function outcomeOf(call) {
  try {
    return { value: call() };
  } catch (error) {
    return { error: `${error?.name}: ${error?.message}` };
  }
}

/** Both refuse, with the same error. */
export function bothRefuse(calls, what) {
  const [a, b] = calls.map(outcomeOf);
  holds(a.error !== undefined, `${what} refused`);
  same(a.error, b.error, what);
}

/** With one bit changed. */
export function flipped(bytes, random) {
  const copy = bytes.slice();
  copy[random.below(copy.length)] ^= 1 << random.below(8);
  return copy;
}
