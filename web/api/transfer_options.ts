import { isDirectory } from './brand.js';
import { abortSignal, isFunction, shape, text, type OptionsOf } from './shape.js';
import type { FileInfo } from './types.js';

/**
 * Returns a stream of its own for each file. The stream gets the bytes in order and is closed after the last byte. The function is called
 * for a file when its first bytes are there (for an empty file, when it is its turn), and for at most two files beyond the first one that is
 * not closed.
 */
export type StreamSink = (file: FileInfo) => WritableStream<Uint8Array> | Promise<WritableStream<Uint8Array>>;

/**
 * Where received files go. 'opfs': the origin's private file system, where an interrupted transfer continues when the same
 * files are offered again. A directory: the files keep the names of the offer; existing files stay. 'auto': the directory of
 * `AcceptOptions` if there is one, else 'opfs', else 'memory' for small transfers.
 */
export type Sink = 'auto' | 'memory' | 'opfs' | FileSystemDirectoryHandle | StreamSink;

/** The options of `Offer.accept`. */
export const acceptShapes = {
  /** Default 'auto'. */
  sink: shape<Sink>("'auto', 'memory', 'opfs', a FileSystemDirectoryHandle or a function", isSink),
  /** The first choice of 'auto'. */
  directory: shape<FileSystemDirectoryHandle>('a FileSystemDirectoryHandle', isDirectory),
  /** Cancels the transfer with 'aborted'. */
  signal: abortSignal(),
};

/** How an offer is accepted. */
export interface AcceptOptions extends OptionsOf<typeof acceptShapes> {}

/** As many bytes as a path may have (PROTOCOL.md). */
const MAX_NAME_LENGTH = 4_096;

/** The options of `Peer.send`. */
export const sendShapes = {
  /** Cancels the transfer with 'aborted'. */
  signal: abortSignal(),
  /** The name of a source that has none (`Blob`, bytes, text, `ReadableStream`), at most 4,096 characters; default 'untitled'. */
  name: text({ most: MAX_NAME_LENGTH }),
};

/** How files are offered. */
export interface SendOptions extends OptionsOf<typeof sendShapes> {}

function isSink(value: unknown): boolean {
  return value === 'auto' || value === 'memory' || value === 'opfs' || isFunction(value) || isDirectory(value);
}
