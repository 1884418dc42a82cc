/** The language of the table in functions.ts: what a function takes, hands to libsodium and gives back. */

export type StateKind = 'crypto_generichash' | 'crypto_secretstream_xchacha20poly1305' | 'crypto_sign';

export type Parameter =
  /** A Uint8Array, or a string as UTF-8. Without limits any length; `optional`: nothing at all is fine too. */
  | { readonly kind: 'bytes'; readonly name: string; readonly length?: number; readonly atLeast?: number; readonly optional?: true }
  /** A string only, of `length` bytes of UTF-8. */
  | { readonly kind: 'text'; readonly name: string; readonly length: number }
  /** A whole number from 0 to 2^31 − 1; one outside `from` to `to` makes the call fail as libsodium would. */
  | { readonly kind: 'count'; readonly name: string; readonly from: number; readonly to: number }
  /** A whole number of 64 bits, as a number or a bigint. */
  | { readonly kind: 'number64'; readonly name: string }
  /** `ends`: the call is the last that the state is good for. */
  | { readonly kind: 'state'; readonly name: string; readonly of: StateKind; readonly ends: boolean };

/** Bytes, or the length of a parameter and how many more (or fewer). */
export type Size = number | readonly [parameter: string, more: number];

export type Output =
  | { readonly kind: 'bytes'; readonly name: string; readonly size: Size }
  | { readonly kind: 'byte'; readonly name: string }
  | { readonly kind: 'state'; readonly name: string; readonly of: StateKind };

export interface Spec {
  readonly takes?: readonly Parameter[];
  /**
   * The arguments of the C function, in words: `name` is the address of a parameter or output (or the number that it is),
   * `#name` its length in 64 bits, `$name` its length as size_t, `null` a pointer to nothing.
   */
  readonly passes?: string;
  /** One output alone is given bare; several, by their names, together with `also`. */
  readonly gives?: readonly Output[];
  readonly also?: Readonly<Record<string, string>>;
  /** What a call without outputs gives. */
  readonly answers?: 'number' | 'string' | true;
  /** Message of the error when libsodium answers anything but 0; false: the call gives `false` instead. */
  readonly fails?: string | false;
  /** Bytes of stack that the C function may use; 8 KiB where nothing is said. */
  readonly stack?: number;
  /** An output format that does not exist is none of its concern. */
  readonly ignoresFormat?: true;
}

export const mostCount = 0x7fffffff;

export const bytes = (name: string): Parameter => ({ kind: 'bytes', name });
export const optional = (name: string): Parameter => ({ kind: 'bytes', name, optional: true });
export const exactly = (name: string, length: number): Parameter => ({ kind: 'bytes', name, length });
export const atLeast = (name: string, least: number): Parameter => ({ kind: 'bytes', name, atLeast: least });
export const count = (name: string, from = 0, to = mostCount): Parameter => ({ kind: 'count', name, from, to });
export const state = (of: StateKind, ends = false): Parameter => ({ kind: 'state', name: 'state_address', of, ends });

export const out = (name: string, size: Size): Output => ({ kind: 'bytes', name, size });
export const outState = (of: StateKind): Output => ({ kind: 'state', name: 'state', of });
