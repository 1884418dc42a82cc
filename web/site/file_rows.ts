import type { FileInfo, ReceiptFile } from '../index.js';
import type { ArchiveEntry } from './archive.js';
import { make } from './dom.js';
import { formatBytes, formatCount } from './format.js';
import { makePreview } from './preview.js';

/** Rows beyond this are counted, not listed: a peer may offer very many files. */
const maxRows = 500;
/** Browsers drop downloads that begin all at once. */
const betweenSavesMs = 250;

/** What a row shows: of a file to send, or of one that is offered. */
export type ListedFile = Pick<FileInfo, 'name' | 'size' | 'lastModified'> & { readonly path?: string; readonly webkitRelativePath?: string };

/** The files of one transfer. */
export class FileRows {
  readonly element = make('ul', { class: 'file-list', testId: 'file-list', attributes: { 'aria-label': 'Files', tabindex: '0' } });
  /** What shows that all arrived as they were sent; hidden before. */
  readonly proof = make('details', { class: 'proof', testId: 'proof', attributes: { hidden: '' } });
  readonly #files: readonly ListedFile[];
  readonly #rows: { row: HTMLLIElement; share: HTMLSpanElement; begin: number; size: number }[] = [];
  readonly #received: ArchiveEntry[] = [];
  readonly #saves: HTMLAnchorElement[] = [];
  #shown = 0;

  constructor(files: readonly ListedFile[]) {
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
    if (files.length > maxRows) this.element.append(make('li', { class: 'file', text: `and ${formatCount(files.length - maxRows)} more` }));
  }

  /** What was received and lies with the browser, to be saved by the person. */
  get received(): readonly ArchiveEntry[] {
    return this.#received;
  }

  /** What saves the only file; undefined where there are several. */
  get onlySave(): HTMLAnchorElement | undefined {
    const [save, ...others] = this.#saves;
    if (others.length > 0) return undefined;
    save?.classList.replace('small', 'primary');
    return save;
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
      // The only one stands where the other buttons are.
      row.append(...(files.length > 1 ? save : []), ...(preview === null ? [] : [preview]));
    });
    const roots = files.slice(0, maxRows).map((file, index) =>
      make('li', {}, [make('code', { text: file.root, testId: 'root' }), ` ${pathOf(this.#files[index] ?? file)}`]));
    this.proof.append(make('summary', { text: 'Proof: BLAKE2b tree roots, the same on both sides' }), make('ul', { attributes: { tabindex: '0', 'aria-label': 'Tree roots' } }, roots));
    this.proof.hidden = false;
  }

  /** One download after another, for browsers that cannot make one of all. */
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
    // Bytes and nothing else: opened in a tab, a page or a picture with scripts would belong to this site.
    save.href = URL.createObjectURL(blob.slice(0, blob.size, 'application/octet-stream'));
    this.#saves.push(save);
    return save;
  }
}

/** With its folders, where it has any. */
function pathOf(file: Pick<ListedFile, 'name' | 'path' | 'webkitRelativePath'>): string {
  return file.path || file.webkitRelativePath || file.name;
}
