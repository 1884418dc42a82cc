import { makeButton } from './dom.js';
import type { FileRows } from './file_rows.js';
import { canStreamDownloads, whileSaving } from './saving.js';

/**
 * A button that saves all files of a transfer: as one ZIP file that is written as it is made, or, where the browser cannot do that, one
 * file after another; very many as ZIP files that are made in memory. `onSaving`: whether it is under way.
 */
export function makeSaveAll(rows: FileRows, onSaving: (saving: boolean) => void): HTMLButtonElement {
  const words = canStreamDownloads() || !rows.haveAllRows ? 'Save all as ZIP' : `Save all ${rows.received.length}`;
  let saving = false;
  const show = (now: boolean): void => {
    saving = now;
    // Not `disabled`, which would take the focus away.
    button.setAttribute('aria-disabled', String(now));
    button.textContent = now ? 'Saving…' : words;
    onSaving(now);
  };
  const button = makeButton(words, 'save-all', () => {
    if (saving) return;
    show(true);
    // Only the person can have stopped it, so there is nothing to report.
    whileSaving(saveAll(rows)).catch(() => {}).finally(() => show(false));
  }, 'primary');
  return button;
}

async function saveAll(rows: FileRows): Promise<void> {
  const saving = canStreamDownloads() ? await startArchive(rows) : undefined;
  if (saving !== undefined) return saving.done;
  if (rows.haveAllRows) return rows.saveEach();
  const { saveParts } = await import('./downloads.js');
  await saveParts(rows.received);
}

/** Undefined where the browser refuses, as in a private window. */
async function startArchive(rows: FileRows): Promise<{ done: Promise<void> } | undefined> {
  const { saveArchive } = await import('./downloads.js');
  return saveArchive(rows.received).catch(() => undefined);
}
