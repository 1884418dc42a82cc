import type { AcceptOptions, FileInfo } from '../index.js';
import { formatBytes } from './format.js';
import { remembered } from './tab_memory.js';

/** Not in TypeScript's own types yet. */
type PickFolder = (options: { mode: 'readwrite'; id: string }) => Promise<FileSystemDirectoryHandle>;

/** The browser's folder picker; undefined where it has none. */
export function folderPicker(): (() => Promise<FileSystemDirectoryHandle>) | undefined {
  const pick = (window as { showDirectoryPicker?: PickFolder }).showDirectoryPicker;
  return pick === undefined ? undefined : () => pick.call(window, { mode: 'readwrite', id: 'millrace' });
}

/** Whether this browser can write a stream to its downloads: that needs a service worker and transferable streams. */
export function canStreamDownloads(): boolean {
  if (!('serviceWorker' in navigator)) return false;
  try {
    const { readable } = new TransformStream();
    structuredClone(readable, { transfer: [readable] });
    return true;
  } catch {
    return false;
  }
}

/** Pause between two downloads, ms: browsers drop downloads that all begin at once. */
export const betweenSavesMs = 250;

let savesUnderWay = 0;

/** Whether leaving the page would cut a download short. */
export function isSaving(): boolean {
  return savesUnderWay > 0;
}

/** Counts as saving until `save` settles; settles as `save` does. */
export async function whileSaving<T>(save: Promise<T>): Promise<T> {
  savesUnderWay += 1;
  try {
    return await save;
  } finally {
    savesUnderWay -= 1;
  }
}

/** The smallest size that did not fit, bytes: browsers do not always grant the space that they announce. */
let leastTooLarge = Infinity;

/** The browser had no room for so many bytes. */
export function noteTooLarge(bytes: number): void {
  leastTooLarge = Math.min(leastTooLarge, bytes);
}

/** A warning where the browser would not store `bytes`; empty where they fit, or where the browser does not tell. */
export async function spaceWarning(bytes: number): Promise<string> {
  try {
    const { quota, usage = 0 } = await navigator.storage.estimate();
    const free = Math.max(0, (quota ?? Infinity) - usage);
    if (bytes <= free && bytes < leastTooLarge) return '';
    const ways = [...(canStreamDownloads() ? ['take it as a download, which goes straight to the disk'] : []), ...(folderPicker() === undefined ? [] : ['choose a folder on a disk with room'])];
    const hint = ways.length === 0 ? 'Free some space first, or take it on another device.' : `You can ${ways.join(', or ')}.`;
    const room = bytes > free ? `${formatBytes(bytes)} are offered, and this browser can keep ${formatBytes(free)}` : 'this browser had no room for it before';
    return `This does not fit: ${room}. ${hint}`;
  } catch {
    return '';
  }
}

const unfinished = remembered('millrace-unfinished');
/** For longer lists the person is asked again. */
const mostCharacters = 200_000;
const accepted = new Map<string, AcceptOptions>();

/** Remembers that the person accepted these files: when the transfer breaks and they are offered again, it continues without a question. */
export function rememberAccepted(files: readonly FileInfo[], options: AcceptOptions): void {
  // A download cannot be resumed, and needs a click.
  if (typeof options.sink === 'function') return;
  const list = describe(files);
  accepted.set(list, options);
  // The permission for a folder ends with the page; the browser's own storage stays.
  if (typeof options.sink === 'string' && list.length <= mostCharacters) unfinished.set(list);
}

export function forgetAccepted(files: readonly FileInfo[]): void {
  const list = describe(files);
  accepted.delete(list);
  if (unfinished.get() === list) unfinished.set('');
}

/** The person's answer to the same files before, in this tab. */
export function acceptedBefore(files: readonly FileInfo[]): AcceptOptions | undefined {
  const list = describe(files);
  return accepted.get(list) ?? (unfinished.get() === list ? { sink: 'auto' } : undefined);
}

/** Whether the same files are offered, by names, sizes and times. */
export function isSameList(some: readonly FileInfo[], others: readonly FileInfo[]): boolean {
  return describe(some) === describe(others);
}

function describe(files: readonly FileInfo[]): string {
  return JSON.stringify(files.map(({ path, size, lastModified }) => [path, size, lastModified]));
}
