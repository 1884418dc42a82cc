/**
 * What an object of the browser is, whichever window made it: `instanceof` knows only the classes of this one. The brand can be
 * imitated, so that a value that passes may still fail where it is used.
 */
function hasBrand(value: unknown, ...brands: string[]): boolean {
  if (typeof value !== 'object' || value === null) return false;
  try {
    return brands.includes(Object.prototype.toString.call(value).slice('[object '.length, -1));
  } catch {
    // A proxy that throws.
    return false;
  }
}

/** A map, also one of another window. */
export function isMap(value: unknown): value is ReadonlyMap<unknown, unknown> {
  return hasBrand(value, 'Map');
}

/** An `ArrayBuffer` or a `SharedArrayBuffer`. */
export function isBuffer(value: unknown): value is ArrayBuffer {
  return hasBrand(value, 'ArrayBuffer', 'SharedArrayBuffer');
}

export function isBlob(value: unknown): value is Blob {
  return hasBrand(value, 'Blob', 'File');
}

export function isFile(value: unknown): value is File {
  return hasBrand(value, 'File');
}

export function isStream(value: unknown): value is ReadableStream<Uint8Array> {
  return hasBrand(value, 'ReadableStream');
}

export function isDirectory(value: unknown): value is FileSystemDirectoryHandle {
  return hasBrand(value, 'FileSystemDirectoryHandle');
}

export function isFileHandle(value: unknown): value is FileSystemFileHandle {
  return hasBrand(value, 'FileSystemFileHandle');
}
