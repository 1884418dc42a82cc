import type { CoreFile } from '../core.js';
import { MillraceError } from '../errors.js';
import type { Source } from '../types.js';

/** A source as the engine takes it: what is said about it, and where its bytes are. */
export interface SourceFile {
  readonly info: CoreFile;
  readonly blob: Blob;
}

/**
 * Looks at what the caller wants to send.
 * Errors: throws 'invalid-argument' for an empty list or something that is no source, 'not-supported' for streams and
 * directory handles.
 */
export function toSourceFiles(source: Source | readonly Source[], name = 'untitled'): SourceFile[] {
  const sources: readonly Source[] = isList(source) ? source : [source];
  if (sources.length === 0) throw new MillraceError('invalid-argument', 'nothing to send');
  return sources.map((each) => toSourceFile(each, name));
}

function isList(source: Source | readonly Source[]): source is readonly Source[] {
  return Array.isArray(source);
}

function toSourceFile(source: Source, fallbackName: string): SourceFile {
  if (source instanceof Blob) {
    const isFile = typeof File !== 'undefined' && source instanceof File;
    const name = (isFile && source.name) || fallbackName;
    return {
      info: {
        name,
        path: (isFile && source.webkitRelativePath) || name,
        size: source.size,
        type: source.type,
        lastModified: isFile ? source.lastModified : Date.now(),
      },
      blob: source,
    };
  }
  if (source instanceof Uint8Array) {
    // A blob goes to the worker by reference, and the caller's array may change afterwards.
    const blob = new Blob([source as Uint8Array<ArrayBuffer>]);
    return toSourceFile(blob, fallbackName);
  }
  if (typeof ReadableStream !== 'undefined' && source instanceof ReadableStream) {
    throw new MillraceError('not-supported', 'streams as sources are not available yet');
  }
  if (typeof FileSystemDirectoryHandle !== 'undefined' && source instanceof FileSystemDirectoryHandle) {
    throw new MillraceError('not-supported', 'directories as sources are not available yet');
  }
  throw new MillraceError('invalid-argument', 'a source must be a File, a Blob or a Uint8Array');
}
