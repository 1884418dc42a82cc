import type { FileInfo, ReceiptFile } from '../index.js';
import type { ArchiveEntry } from './archive.js';
import { make } from './dom.js';
import { formatBytes, formatCount } from './format.js';
import type { LeftOut } from './intake.js';
import { describeReason } from './intake_words.js';
import { makePreview } from './preview.js';
import { betweenSavesMs } from './saving.js';

/** Further rows are counted, not listed: a peer may offer very many files. */
const maxRows = 500;

/** What a row shows of a file that is sent or offered. */
export type ListedFile = Pick<FileInfo, 'name' | 'size' | 'lastModified'> & { readonly path?: string; readonly webkitRelativePath?: string };

/** The files of one transfer. */
export class FileRows {
  readonly element = make('ul', { class: 'file-list', testId: 'file-list', attributes: { 'aria-label': 'Files', tabindex: '0' } });
  /** The proof that all files arrived as they were sent; hidden until then. */
  readonly proof = make('details', { class: 'proof', testId: 'proof', attributes: { hidden: '' } });
  readonly #files: readonly ListedFile[];
  readonly #rows: { row: HTMLLIElement; share: HTMLSpanElement; begin: number; size: number }[] = [];
  readonly #received: ArchiveEntry[] = [];
  readonly #saves: HTMLAnchorElement[] = [];
  #shown = 0;

  /** `leftOut`: what the person gave to the page and is not sent. */
  constructor(files: readonly ListedFile[], leftOut: readonly LeftOut[] = []) {
    this.#files = files;
    let begin = 0;
    for (const file of files.slice(0, maxRows)) {
      const share = make('span', { class: 'file-share', testId: 'file-share' });
      const size = file.size ?? 0;
      const row = make('li', { class: 'file', testId: 'file' }, [
        make('span', { class: 'file-name', text: pathOf(file), testId: 'file-name' }),
        share,
        make('span', { class: 'file-size', text: file.size === null ? '' : formatBytes(size), testId: 'file-size' }),
      ]);
      this.#rows.push({ row, share, begin, size });
      begin += size;
    }
    this.element.append(...this.#rows.map(({ row }) => row));
    const addMore = (count: number): void => {
      if (count > 0) this.element.append(make('li', { class: 'file', text: `and ${formatCount(count)} more` }));
    };
    addMore(files.length - maxRows);
    for (const { path, reason } of leftOut.slice(0, maxRows)) {
      const why = make('span', { class: 'left-out', text: `Left out: ${describeReason(reason)}` });
      this.element.append(make('li', { class: 'file', testId: 'left-out' }, [make('span', { class: 'file-name', text: path }), why]));
    }
    addMore(leftOut.length - maxRows);
  }

  /** Received files that the browser holds, for the person to save. */
  get received(): readonly ArchiveEntry[] {
    return this.#received;
  }

  /** The button that saves the only file; undefined where there are several files. */
  get onlySave(): HTMLAnchorElement | undefined {
    const [save, ...others] = this.#saves;
    if (others.length > 0) return undefined;
    save?.classList.replace('small', 'primary');
    return save;
  }

  /** Shows progress. `bytes`: of all files; they go one after another, so the sum tells how far each one is. */
  showBytes(bytes: number): void {
    // Only the rows that changed: a folder has many rows, and this runs ten times a second.
    for (; this.#shown < this.#rows.length; this.#shown += 1) {
      const at = this.#rows[this.#shown];
      if (at === undefined || bytes < at.begin + at.size) break;
      at.share.textContent = '100 %';
    }
    const now = this.#rows[this.#shown];
    if (now !== undefined && bytes > now.begin) now.share.textContent = `${Math.floor(((bytes - now.begin) / now.size) * 100)} %`;
  }

  /** Lets the person see received files, where that is safe, and save them, unless they are in a folder of the person's own (`stored`). */
  showReceipts(files: readonly ReceiptFile[], stored: boolean): void {
    files.forEach((file, index) => {
      const { row, share } = this.#rows[index] ?? {};
      const listed = this.#files[index];
      if (share !== undefined) {
        share.textContent = 'Verified';
        share.classList.add('good');
      }
      if (file.blob === undefined || listed === undefined) return;
      if (!stored) this.#received.push({ path: pathOf(listed), size: file.size, lastModified: listed.lastModified, content: file.blob });
      if (row === undefined) return;
      const preview = makePreview(file.name, file.blob);
      const save = stored ? [] : [this.#makeSave(file.name, file.blob)];
      // The button of an only file stands beside the other buttons of the card.
      row.append(...(files.length > 1 ? save : []), ...(preview === null ? [] : [preview]));
    });
    const roots = files.slice(0, maxRows).map((file, index) =>
      make('li', {}, [make('code', { text: file.root, testId: 'root' }), ` ${pathOf(this.#files[index] ?? file)}`]));
    this.proof.append(make('summary', { text: 'Proof: BLAKE2b tree roots, the same on both sides' }), make('ul', { attributes: { tabindex: '0', 'aria-label': 'Tree roots' } }, roots));
    this.proof.hidden = false;
  }

  /** Whether each received file has a row, and in it a button to save it. */
  get haveAllRows(): boolean {
    return this.#files.length <= maxRows;
  }

  /** Saves one file after another, for browsers that cannot write a ZIP file. Saves those with a row only (`haveAllRows`). */
  async saveEach(): Promise<void> {
    for (const save of this.#saves) {
      save.click();
      await new Promise((resolve) => setTimeout(resolve, betweenSavesMs));
    }
  }

  release(): void {
    for (const { href } of this.#saves) URL.revokeObjectURL(href);
  }

  #makeSave(name: string, blob: Blob): HTMLAnchorElement {
    const save = make('a', { class: 'button small', text: 'Save', testId: 'save', attributes: { download: name, 'aria-label': `Save ${name}` } });
    // Plain bytes: a document with scripts that is opened in a tab would run as this site.
    save.href = URL.createObjectURL(blob.slice(0, blob.size, 'application/octet-stream'));
    this.#saves.push(save);
    return save;
  }
}

/** The name of a file with its folders, where it has any. */
function pathOf(file: Pick<ListedFile, 'name' | 'path' | 'webkitRelativePath'>): string {
  return file.path || file.webkitRelativePath || file.name;
}
