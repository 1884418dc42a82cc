import type { MessageData } from '../api/message_types.js';
import { decodeData, encodeData } from './message_data.js';

/** The first byte of an application message is its kind (PROTOCOL.md, "Application messages"). */
export const BATCH = 0;
const MESSAGE = 1;
const REQUEST = 2;
const ANSWER = 3;
const FAILURE = 4;
const ABANDON = 5;
const TAKEN = 6;

const KIND_BYTES = 1;
/** Kind and number. */
const NUMBERED_BYTES = 5;
/** Of the other side's text about a failure. */
const MAX_DETAIL_BYTES = 1_024;
const MAX_CODE_BYTES = 64;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

export type Frame = Uint8Array<ArrayBuffer>;

/** `data` is undefined where the other side's data is malformed. Numbers: 32 bits, counted modulo 2^32. */
export type DecodedFrame =
  | { readonly kind: 'batch'; readonly batch: Uint8Array }
  | { readonly kind: 'message'; readonly data: MessageData | undefined }
  | { readonly kind: 'request'; readonly number: number; readonly data: MessageData | undefined }
  | { readonly kind: 'answer'; readonly number: number; readonly data: MessageData | undefined }
  | { readonly kind: 'failure'; readonly number: number; readonly code: string; readonly detail: string }
  | { readonly kind: 'abandon'; readonly number: number }
  | { readonly kind: 'taken'; readonly count: number };

export function batchFrame(batch: Uint8Array): Frame {
  const frame = new Uint8Array(KIND_BYTES + batch.length);
  frame[0] = BATCH;
  frame.set(batch, KIND_BYTES);
  return frame;
}

/** Errors: as `encodeData`; so have the next two. */
export function messageFrame(data: MessageData): Frame {
  const frame = encodeData(data, KIND_BYTES);
  frame[0] = MESSAGE;
  return frame;
}

export function requestFrame(number: number, data: MessageData): Frame {
  return withNumber(REQUEST, number, encodeData(data, NUMBERED_BYTES));
}

export function answerFrame(number: number, data: MessageData): Frame {
  return withNumber(ANSWER, number, encodeData(data, NUMBERED_BYTES));
}

/** `code`: one of `ErrorCode`. */
export function failureFrame(number: number, code: string, detail: string): Frame {
  const codeBytes = encoder.encode(code);
  const detailBytes = new Uint8Array(MAX_DETAIL_BYTES);
  // Whole characters only.
  const { written } = encoder.encodeInto(detail, detailBytes);
  const frame = new Uint8Array(NUMBERED_BYTES + 1 + codeBytes.length + written);
  frame[NUMBERED_BYTES] = codeBytes.length;
  frame.set(codeBytes, NUMBERED_BYTES + 1);
  frame.set(detailBytes.subarray(0, written), NUMBERED_BYTES + 1 + codeBytes.length);
  return withNumber(FAILURE, number, frame);
}

export function abandonFrame(number: number): Frame {
  return withNumber(ABANDON, number, new Uint8Array(NUMBERED_BYTES));
}

export function takenFrame(count: number): Frame {
  return withNumber(TAKEN, count, new Uint8Array(NUMBERED_BYTES));
}

/** Undefined for anything malformed. */
export function decodeFrame(bytes: Uint8Array): DecodedFrame | undefined {
  const kind = bytes[0];
  if (kind === BATCH) return { kind: 'batch', batch: bytes.subarray(KIND_BYTES) };
  if (kind === MESSAGE) return { kind: 'message', data: decodeData(bytes, KIND_BYTES) };
  if (bytes.length < NUMBERED_BYTES) return undefined;
  const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
  switch (kind) {
    case REQUEST:
      return { kind: 'request', number, data: decodeData(bytes, NUMBERED_BYTES) };
    case ANSWER:
      return { kind: 'answer', number, data: decodeData(bytes, NUMBERED_BYTES) };
    case FAILURE:
      return decodeFailure(number, bytes.subarray(NUMBERED_BYTES));
    case ABANDON:
      return bytes.length === NUMBERED_BYTES ? { kind: 'abandon', number } : undefined;
    case TAKEN:
      return bytes.length === NUMBERED_BYTES ? { kind: 'taken', count: number } : undefined;
    default:
      return undefined;
  }
}

function decodeFailure(number: number, bytes: Uint8Array): DecodedFrame | undefined {
  const length = bytes[0] ?? 0;
  const code = bytes.subarray(1, 1 + length);
  const detail = bytes.subarray(1 + length);
  if (length === 0 || length > MAX_CODE_BYTES || code.length < length || detail.length > MAX_DETAIL_BYTES) return undefined;
  try {
    return { kind: 'failure', number, code: decoder.decode(code), detail: decoder.decode(detail) };
  } catch {
    return undefined;
  }
}

function withNumber(kind: number, number: number, frame: Frame): Frame {
  frame[0] = kind;
  new DataView(frame.buffer).setUint32(1, number);
  return frame;
}
