import { to_base64 } from './base64.js';
import { to_hex } from './hex.js';
import type { StringOutputFormat, Uint8ArrayOutputFormat } from './types.js';
import { to_string } from './utf8.js';

/** What bytes may come as. */
export type OutputFormat = Uint8ArrayOutputFormat | StringOutputFormat;

const writers: Readonly<Record<OutputFormat, (bytes: Uint8Array) => Uint8Array | string>> = {
  uint8array: (bytes) => bytes,
  text: to_string,
  hex: to_hex,
  base64: (bytes) => to_base64(bytes),
};

/** All of them. */
export function output_formats(): OutputFormat[] {
  return Object.keys(writers) as OutputFormat[];
}

function isOutputFormat(value: string): value is OutputFormat {
  return Object.hasOwn(writers, value);
}

/** What stands for nothing is bytes. Errors: TypeError for what is no string, Error for an unknown name. */
export function readOutputFormat(value: unknown): OutputFormat {
  if (!value) return 'uint8array';
  if (typeof value !== 'string') throw new TypeError('When defined, the output format must be a string');
  if (!isOutputFormat(value)) throw new Error(`${value} is not a supported output format`);
  return value;
}

/** Errors: TypeError where `text` is asked for and the bytes are no UTF-8. */
export function format(bytes: Uint8Array, as: OutputFormat): Uint8Array | string {
  return writers[as](bytes);
}
