import type { FileInfo, ReceiptFile } from '../index.js';
import { make, makeButton } from './dom.js';
import { formatBytes, formatCount } from './format.js';
import { makePreview } from './preview.js';

/** Rows beyond this are counted, not listed: a peer may offer very many files. */
const maxRows = 500;
const betweenSavesMs = 250;

/** The files of one transfer. */
export class FileRows {
  readonly element = make('ul', { class: 'file-list', testId: 'file-list', attributes: { 'aria-label': 'Files', tabindex: '0' } });
  readonly #rows: { row: HTMLLIElement; share: HTMLSpanElement; begin: number; size: number }[] = [];
  readonly #saves: HTMLAnchorElement[] = [];
  #shown = 0;

  constructor(files: readonly Pick<FileInfo, 'name' | 'size'>[]) {
    let begin = 0;
    for (const file of files.slice(0, maxRows)) {
      const share = make('span', { class: 'file-share', testId: 'file-share' });
      const size = file.size ?? 0;
      const row = make('li', { class: 'file', testId: 'file' }, [
        make('span', { class: 'file-name', text: nameOf(file), testId: 'file-name' }),
        share,
        make('span', { class: 'file-size', text: file.size === null ? '' : formatBytes(size), testId: 'file-size' }),
      ]);
      this.#rows.push({ row, share, begin, size });
      begin += size;
      this.element.append(row);
    }
    if (files.length > maxRows) this.element.append(make('li', { class: 'file', text: `and ${formatCount(files.length - maxRows)} more` }));
  }

  /** `bytes` of all. Files go one after another, so that tells where each of them is. */
  showBytes(bytes: number): void {
    // Only what changed: a folder has many rows, and this runs ten times a second.
    for (; this.#shown < this.#rows.length; this.#shown += 1) {
      const at = this.#rows[this.#shown];
      if (at === undefined || bytes < at.begin + at.size) break;
      at.share.textContent = '100 %';
    }
    const now = this.#rows[this.#shown];
    if (now !== undefined && bytes > now.begin) now.share.textContent = `${Math.floor(((bytes - now.begin) / now.size) * 100)} %`;
  }

  /** What arrived can be looked at, where that is safe, and saved, unless it lies in a folder of the person's own (`stored`). */
  showReceipts(files: readonly ReceiptFile[], stored: boolean): void {
    files.forEach((file, index) => {
      const { row, share } = this.#rows[index] ?? {};
      if (row === undefined || share === undefined) return;
      share.textContent = 'Verified';
      share.classList.add('good');
      if (file.blob !== undefined) {
        const preview = makePreview(file.name, file.blob);
        row.append(...(stored ? [] : [this.#makeSave(file.name, file.blob)]), ...(preview === null ? [] : [preview]));
      }
      row.append(
        make('details', { class: 'file-root' }, [
          make('summary', { text: 'Proof' }),
          'BLAKE2b root, the same on both sides: ',
          make('code', { text: file.root, testId: 'root' }),
        ]),
      );
    });
  }

  /** One button for all files where there are several. */
  saveAllButton(): HTMLButtonElement[] {
    if (this.#saves.length < 2) return [];
    return [makeButton(`Save all ${this.#saves.length}`, 'save-all', () => void this.#saveAll(), 'primary')];
  }

  release(): void {
    for (const { href } of this.#saves) URL.revokeObjectURL(href);
  }

  async #saveAll(): Promise<void> {
    for (const save of this.#saves) {
      save.click();
      // Browsers drop downloads that begin all at once.
      await new Promise((resolve) => setTimeout(resolve, betweenSavesMs));
    }
  }

  #makeSave(name: string, blob: Blob): HTMLAnchorElement {
    const save = make('a', { class: 'button small', text: 'Save', testId: 'save', attributes: { download: name, 'aria-label': `Save ${name}` } });
    // Bytes and nothing else: opened in a tab, a page or a picture with scripts would belong to this site.
    save.href = URL.createObjectURL(blob.slice(0, blob.size, 'application/octet-stream'));
    this.#saves.push(save);
    return save;
  }
}

/** With its folders, where it has any. */
function nameOf(file: Pick<FileInfo, 'name'> & { readonly path?: string; readonly webkitRelativePath?: string }): string {
  return file.path || file.webkitRelativePath || file.name;
}
