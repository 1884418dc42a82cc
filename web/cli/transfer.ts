import { mkdir, open, rmdir, stat, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { formatBytes } from '../base/format.js';
import { messageOf } from '../base/message_of.js';
import { removeStored, type Offer, type Peer, type Receipt, type Source } from '../index.js';
import { placeFile } from './place_file.js';
import type { Report } from './report.js';
import { UsageError } from './usage_error.js';

/** In the folder for received files: those that are not verified yet. In the same file system, so that they only have to be renamed. */
const PART_FOLDER = '.millrace.part';
/** Of the package, below that of the disk. */
const STORE_FOLDER = 'millrace';

/** Offers the files and waits until the other side has them. Errors: as `Transfer.done`. */
export async function send(peer: Peer, sources: ReadonlyMap<string, Source>, report: Report): Promise<Receipt> {
  const transfer = peer.send(sources);
  report.follow(transfer);
  return transfer.done;
}

/** The folder for files that are not verified yet. Errors: rejects with a `UsageError` where nothing can be written. */
export async function partFolder(folder: string): Promise<string> {
  try {
    await mkdir(folder, { recursive: true });
    const probe = join(folder, `.millrace-${process.pid}`);
    await (await open(probe, 'wx')).close();
    await unlink(probe);
    return join(resolve(folder), PART_FOLDER);
  } catch (caught) {
    const found = await stat(folder).catch(() => undefined);
    throw new UsageError(`--folder ${folder}: ${found && !found.isDirectory() ? 'this is a file' : `nothing can be written there (${messageOf(caught)})`}`);
  }
}

/**
 * Accepts the first offer of the other side, and all that arrive before it is done. Errors: rejects as `Transfer.done`; with an
 * `Error` where the session ends without an offer.
 */
export async function receive(peer: Peer, folder: string, report: Report): Promise<Receipt[]> {
  const receipts: Receipt[] = [];
  const pending: Promise<Receipt>[] = [];
  await new Promise<void>((settle, reject) => {
    peer.onincoming = (offer) => {
      const done = accept(offer, folder, report);
      pending.push(done);
      done.then(() => settle(), reject);
    };
    peer.addEventListener('statechange', () => {
      if (peer.state === 'closed' && pending.length === 0) reject(new Error('the other side left without an offer'));
    });
  });
  for (const done of pending) receipts.push(await done);
  await rmdir(join(folder, PART_FOLDER, STORE_FOLDER)).then(() => rmdir(join(folder, PART_FOLDER))).catch(() => {}); // Another transfer may lie there.
  return receipts;
}

async function accept(offer: Offer, folder: string, report: Report): Promise<Receipt> {
  const { files, totalBytes } = offer;
  report.say('offer', `${files.length} ${files.length === 1 ? 'file' : 'files'}${totalBytes === null ? '' : `, ${formatBytes(totalBytes)}`}`, {
    files: files.map(({ path, size }) => ({ path, size })),
    totalBytes,
  });
  const transfer = offer.accept({ sink: 'opfs' });
  report.follow(transfer);
  const receipt = await transfer.done;
  // All of them are verified.
  const stored = join(folder, PART_FOLDER, STORE_FOLDER, receipt.folder!);
  for (const file of files) {
    const path = await placeFile(join(stored, String(file.id)), folder, file.path);
    report.say('file', path, { path: file.path, storedAt: path });
  }
  await removeStored(receipt.folder);
  return receipt;
}
