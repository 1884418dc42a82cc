// The same arguments, right and wrong, to two implementations: the same result, or the same error.
import { calls } from './calls.mjs';
import { outcomeOf, same } from './compare.mjs';

const formats = ['uint8array', 'text', 'hex', 'base64', undefined, null, '', 'HEX', 'toString', 5, true, {}];
const strays = [undefined, null, true, 5, 1.5, -1, NaN, 2 ** 31, 10n, -10n, 2n ** 64n, '', 'some text', [1, 2], {}, new ArrayBuffer(32), new Uint16Array(16)];

/** Lengths around the right one, whatever that is. */
const lengthsFor = ({ length }) => [...new Set([0, 1, length - 1, length, length + 1, 2 * length])].filter((each) => each >= 0);

const isState = (value) => typeof value === 'number' || value?.constructor?.name === 'State' || (typeof value === 'object' && value !== null && 'name' in value);

/** What else to give in place of `value`. */
function wrongFor(name, at, value) {
  // Whatever else libsodium-wrappers gets for a state, it takes for an address.
  if (at === 0 && stateFirst.has(name)) return [undefined, null];
  if (value instanceof Uint8Array) return [...strays, ...lengthsFor(value).map((length) => new Uint8Array(length).fill(77))];
  if (typeof value === 'number') return [...strays, 0, 1, value - 1, value + 1];
  return strays;
}

const stateFirst = new Set(
  Object.keys(calls).filter((name) => /_(update|final|final_create|final_verify|push|pull|rekey)$/.test(name) && !/init/.test(name)),
);

/** Where libsodium-wrappers answers with what is no answer; what happens here is another test's. */
const theirs = {
  // The derivation fails and nobody looks: memory that was never written.
  crypto_kdf_derive_from_key: (args) => args[0] < 16 || args[0] > 64,
  // Aborts the module.
  crypto_generichash_final: (args) => args[1] < 1 || args[1] > 64,
  // A negative length reaches malloc, which throws an object that is no Error.
  crypto_box_open_easy_afternm: (args) => ['string', 'object'].includes(typeof args[0]) && args[0]?.length < 16,
};

/** Results by what can be told: which bytes, or how many where they are random. */
function shape(value, random) {
  if (value instanceof Uint8Array) return random ? `${value.length} bytes` : value;
  if (typeof value === 'string') return random ? `${value.length} characters` : value;
  if (typeof value === 'number') return random ? 'a number' : value;
  if (isState(value)) return 'a state';
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, key === 'state' ? 'a state' : shape(each, random)]));
}

function compareCall(implementations, name, argumentsFor, what) {
  const { random } = calls[name];
  const [a, b] = implementations.map((sodium) => {
    const args = argumentsFor(sodium);
    const outcome = outcomeOf(() => sodium[name](...args));
    if ('error' in outcome) return outcome;
    // Some work in place.
    const changed = args.filter((each) => each instanceof Uint8Array);
    const stateGiven = random && /_init(_pull)?$/.test(name);
    return { value: stateGiven ? 'a state' : shape(outcome.value, random), changed: name.startsWith('crypto') ? {} : { ...changed } };
  });
  same(a, b, `${name}(${what})`);
}

/** How many calls were compared, and what was different. */
export function compareErrors(ours, peer) {
  let compared = 0;
  const differences = [];
  const compare = (name, argumentsFor, what) => {
    if (theirs[name]?.(argumentsFor(peer))) return;
    compared += 1;
    try {
      compareCall([ours, peer], name, argumentsFor, what);
    } catch (error) {
      differences.push(error.message);
    }
  };
  for (const [name, { make }] of Object.entries(calls)) {
    const right = make(peer);
    compare(name, make, 'as it should be');
    for (const format of formats) compare(name, (sodium) => [...make(sodium), format], `format ${String(format)}`);
    right.forEach((value, at) => {
      for (const wrong of wrongFor(name, at, value)) {
        const what = `argument ${at}: ${wrong instanceof Uint8Array ? `${wrong.length} bytes` : `${typeof wrong} ${String(wrong)}`}`;
        compare(name, (sodium) => make(sodium).with(at, wrong), what);
      }
      compare(name, (sodium) => make(sodium).slice(0, at), `only ${at} arguments`);
    });
  }
  return { compared, differences };
}
