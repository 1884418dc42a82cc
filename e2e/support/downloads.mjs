// What a browser saves to disk.
import { createHash } from 'node:crypto';
import { createReadStream, watch } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Calls `save`, and gives the path of the file that the browser then writes. `folder`: Firefox's own downloads; it tells nobody of a
 * download through BiDi, so the folder is watched until `isWhole` knows what lies there.
 * Errors: rejects when there is no such file after `timeoutMs`.
 *
 * @param {import('@playwright/test').Page} page
 * @param {{ name: string, folder: string, timeoutMs: number, isWhole: (path: string, size: number) => boolean | Promise<boolean>, save: () => Promise<unknown> }} options
 * @returns {Promise<string>}
 */
export async function savedFile(page, { name, folder, timeoutMs, isWhole, save }) {
  if (name === 'chromium') {
    const [download] = await Promise.all([page.waitForEvent('download'), save()]);
    return download.path();
  }
  const complete = new AbortController();
  const saved = new Promise((resolve, reject) => {
    const look = async () => {
      for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
        const path = join(entry.parentPath, entry.name);
        if (entry.isFile() && !entry.name.endsWith('.part') && (await isWhole(path, (await stat(path)).size))) resolve(path);
      }
    };
    // A file that was renamed between the listing and the look at it comes with the next change.
    watch(folder, { recursive: true, signal: complete.signal }, () => void look().catch(() => {}));
    const timer = setTimeout(() => reject(new Error('the receiving browser did not save the file in time')), timeoutMs);
    complete.signal.addEventListener('abort', () => clearTimeout(timer));
  });
  try {
    await save();
    return await saved;
  } finally {
    complete.abort();
  }
}

/**
 * The SHA-256 of a file, in hexadecimal; read piece by piece.
 *
 * @param {string} path
 * @returns {Promise<string>}
 */
export async function sha256OfFile(path) {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}
