import { byteLength, readBytes, readCount, readNumber64 } from './input.js';
import { aligned, copyIn, copyOut, withMemory } from './memory.js';
import { callSodium, readString } from './module.js';
import { format, readOutputFormat } from './output_format.js';
import type { Output, Parameter, Size, Spec } from './spec.js';
import { State } from './state.js';

/** One parameter or output of a call under way: what C gets for it, and its length. */
interface Item {
  value: number | bigint;
  length: number;
  readonly bytes?: Uint8Array;
  readonly state?: State;
}

/** Errors: TypeError for the wrong type or length. */
function readParameter(parameter: Parameter, given: unknown): Item {
  const { name } = parameter;
  switch (parameter.kind) {
    case 'bytes': {
      if (parameter.optional && (given === null || given === undefined)) return { value: 0, length: 0 };
      const bytes = readBytes(given, name);
      const length = byteLength(bytes);
      if (parameter.length !== undefined && length !== parameter.length) throw new TypeError(`invalid ${name} length`);
      if (parameter.atLeast !== undefined && length < parameter.atLeast) throw new TypeError(`${name} is too short`);
      return { value: 0, length, bytes };
    }
    case 'text': {
      if (typeof given !== 'string') throw new TypeError(`${name} must be a string`);
      return readParameter({ kind: 'bytes', name, length: parameter.length }, given);
    }
    case 'count': {
      const value = readCount(given, name);
      return { value, length: value };
    }
    case 'number64':
      return { value: readNumber64(given, name), length: 0 };
    case 'state': {
      const state = State.read(given, parameter.of, name);
      return { value: state.address(), length: 0, state };
    }
  }
}

function inRange(parameter: Parameter, { length }: Item): boolean {
  return parameter.kind !== 'count' || (length >= parameter.from && length <= parameter.to);
}

function prepareOutput(output: Output, sizeOf: (size: Size) => number): Item {
  switch (output.kind) {
    case 'bytes':
      return { value: 0, length: sizeOf(output.size) };
    case 'byte':
      return { value: 0, length: 1 };
    case 'state': {
      const state = new State(output.of);
      return { value: state.address(), length: 0, state };
    }
  }
}

function readOutput(output: Output, { value, length, state }: Item): Uint8Array | number | State {
  if (state !== undefined) return state;
  const bytes = copyOut(Number(value), length);
  return output.kind === 'byte' ? (bytes[0] ?? 0) : bytes;
}

type Argument = (items: readonly Item[]) => number | bigint;

/** A word of `Spec.passes` as what fetches the argument. */
function argumentOf(word: string, names: readonly string[]): Argument {
  if (word === 'null') return () => 0;
  const prefix = /^[#$]/.exec(word)?.[0];
  const at = names.indexOf(prefix === undefined ? word : word.slice(1));
  if (at < 0) throw new Error(`no parameter or output is called ${word}`);
  const item = (items: readonly Item[]): Item => items[at] as Item;
  switch (prefix) {
    case '#':
      return (items) => BigInt(item(items).length);
    case '$':
      return (items) => item(items).length;
    default:
      return (items) => item(items).value;
  }
}

/** The function `name` that a line of the table describes. */
export function makeFunction(name: string, spec: Spec): (...args: unknown[]) => unknown {
  const { takes = [], passes = '', gives = [], also, answers, fails = 'invalid usage', ignoresFormat = false } = spec;
  const names = [...takes, ...gives].map((each) => each.name);
  const words = passes.split(' ').filter((word) => word !== '');
  const argumentsOfC = words.map((word) => argumentOf(word, names));

  const failure = (): false => {
    if (fails === false) return false;
    throw new Error(fails);
  };

  /** Runs libsodium on memory of its own for this call; undefined where it refused. */
  const run = (items: readonly Item[]): { answer: number; results: (Uint8Array | number | State)[] } | undefined => {
    const inMemory = items.filter((item) => item.bytes !== undefined || (items.indexOf(item) >= takes.length && item.state === undefined));
    const total = inMemory.reduce((sum, { length }) => sum + aligned(length), 0);
    return withMemory(total, (start) => {
      let next = start;
      for (const item of inMemory) {
        item.value = next;
        if (item.bytes !== undefined) copyIn(item.bytes, next);
        next += aligned(item.length);
      }
      const answer = Number(callSodium(name, ...argumentsOfC.map((argument) => argument(items))) ?? 0);
      if (answers !== 'number' && answers !== 'string' && answer !== 0) return undefined;
      return { answer, results: gives.map((output, at) => readOutput(output, items[takes.length + at] as Item)) };
    });
  };

  return (...args) => {
    const as = ignoresFormat ? 'uint8array' : readOutputFormat(args[takes.length]);
    const inputs = takes.map((parameter, at) => readParameter(parameter, args[at]));
    if (!takes.every((parameter, at) => inRange(parameter, inputs[at] as Item))) return failure();
    const sizeOf = (size: Size): number => {
      if (typeof size === 'number') return size;
      return (inputs[names.indexOf(size[0])] as Item).length + size[1];
    };
    const outputs = gives.map((output) => prepareOutput(output, sizeOf));
    let ran: ReturnType<typeof run>;
    try {
      ran = run([...inputs, ...outputs]);
    } finally {
      takes.forEach((parameter, at) => {
        if (parameter.kind === 'state' && parameter.ends) inputs[at]?.state?.release();
      });
      if (ran === undefined) for (const { state } of outputs) state?.release();
    }
    if (ran === undefined) return failure();
    if (answers === 'number') return ran.answer >>> 0;
    if (answers === 'string') return readString(ran.answer);
    if (gives.length === 0) return answers;
    const shown = ran.results.map((result) => (result instanceof Uint8Array ? format(result, as) : result));
    if (shown.length === 1) return shown[0];
    return { ...Object.fromEntries(gives.map((output, at) => [output.name, shown[at]])), ...also };
  };
}
