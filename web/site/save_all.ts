import { makeButton } from './dom.js';
import type { FileRows } from './file_rows.js';
import { canStreamDownloads, whileSaving } from './saving.js';

/**
 * A button that saves all files of a transfer: as one ZIP file that is written as it is made, or, where the browser cannot do that, one
 * file after another. `onSaving`: whether it is under way.
 */
export function makeSaveAll(rows: FileRows, onSaving: (saving: boolean) => void): HTMLButtonElement {
  const words = canStreamDownloads() ? 'Save all as ZIP' : `Save all ${rows.received.length}`;
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
  if (!canStreamDownloads()) return rows.saveEach();
  const { saveArchive } = await import('./downloads.js');
  const saving = await saveArchive(rows.received).catch(() => undefined);
  await (saving === undefined ? rows.saveEach() : saving.done);
}
