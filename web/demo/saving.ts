import type { AcceptOptions, FileInfo } from '../index.js';
import { formatBytes } from './format.js';

/** Not in TypeScript's own types yet. */
type PickFolder = (options: { mode: 'readwrite'; id: string }) => Promise<FileSystemDirectoryHandle>;

/** The browser's question for a folder; undefined where it has none. */
export function folderPicker(): (() => Promise<FileSystemDirectoryHandle>) | undefined {
  const pick = (window as { showDirectoryPicker?: PickFolder }).showDirectoryPicker;
  return pick === undefined ? undefined : () => pick.call(window, { mode: 'readwrite', id: 'millrace' });
}

/** A warning where `bytes` are more than this browser would keep; empty where they fit or it does not say. */
export async function spaceWarning(bytes: number): Promise<string> {
  try {
    const { quota, usage = 0 } = await navigator.storage.estimate();
    if (quota === undefined || bytes <= quota - usage) return '';
    const hint = folderPicker() === undefined ? 'Free some space first, or take it on another device.' : 'Choose a folder on a disk with room.';
    return `This does not fit: ${formatBytes(bytes)} are offered, and this browser can keep ${formatBytes(Math.max(0, quota - usage))}. ${hint}`;
  } catch {
    return '';
  }
}

const storageKey = 'millrace-unfinished';
/** Longer lists are asked for again. */
const mostCharacters = 200_000;
const accepted = new Map<string, AcceptOptions>();

/** A person said yes to these files: when the transfer breaks and they are offered again, they need not be asked again. */
export function rememberAccepted(files: readonly FileInfo[], options: AcceptOptions): void {
  const list = describe(files);
  accepted.set(list, options);
  // A folder's permission does not outlive the page; the browser's own storage does.
  if (typeof options.sink === 'string' && list.length <= mostCharacters) sessionStorage.setItem(storageKey, list);
}

export function forgetAccepted(files: readonly FileInfo[]): void {
  const list = describe(files);
  accepted.delete(list);
  if (sessionStorage.getItem(storageKey) === list) sessionStorage.removeItem(storageKey);
}

/** What was said to the same files before, in this tab. */
export function acceptedBefore(files: readonly FileInfo[]): AcceptOptions | undefined {
  const list = describe(files);
  return accepted.get(list) ?? (sessionStorage.getItem(storageKey) === list ? { sink: 'auto' } : undefined);
}

function describe(files: readonly FileInfo[]): string {
  return JSON.stringify(files.map(({ path, size, lastModified }) => [path, size, lastModified]));
}
