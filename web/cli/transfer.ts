import { formatBytes } from '../base/format.js';
import type { FileInfo, Offer, Peer, Receipt } from '../index.js';
import { folderSink } from './files.js';
import type { Report } from './report.js';

/** Offers the files and waits until the other side has them. Errors: as `Transfer.done`. */
export async function send(peer: Peer, files: readonly File[], report: Report): Promise<Receipt> {
  const transfer = peer.send(files);
  report.follow(transfer);
  return transfer.done;
}

/**
 * Accepts the first offer of the other side, and all that arrive before it is done. Errors: rejects as `Transfer.done`; with an
 * `Error` where the session ends without an offer.
 */
export async function receive(peer: Peer, folder: string, report: Report): Promise<Receipt[]> {
  const receipts: Receipt[] = [];
  const pending: Promise<Receipt>[] = [];
  await new Promise<void>((resolve, reject) => {
    peer.onincoming = (offer) => {
      const { done } = accept(offer, folder, report);
      pending.push(done);
      done.then(() => resolve(), reject);
    };
    peer.addEventListener('statechange', () => {
      if (peer.state === 'closed' && pending.length === 0) reject(new Error('the other side left without an offer'));
    });
  });
  for (const done of pending) receipts.push(await done);
  return receipts;
}

function accept(offer: Offer, folder: string, report: Report) {
  const { files, totalBytes } = offer;
  report.say('offer', `${files.length} ${files.length === 1 ? 'file' : 'files'}${totalBytes === null ? '' : `, ${formatBytes(totalBytes)}`}`, {
    files: files.map(({ path, size }) => ({ path, size })),
    totalBytes,
  });
  const written = (file: FileInfo, path: string): void => report.say('file', path, { path: file.path, storedAt: path });
  const transfer = offer.accept({ sink: folderSink(folder, written) });
  report.follow(transfer);
  return transfer;
}
