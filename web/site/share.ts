import { byId } from './dom.js';

/** Invites the other side: the invite link, its QR code, and a code to say. */
export class Share {
  readonly #section = byId('share', HTMLElement);
  readonly #link = byId('link', HTMLInputElement);
  readonly #copy = byId('copy', HTMLButtonElement);
  readonly #qr = byId('qr', HTMLDivElement);
  readonly #codeRow = byId('own-code-row', HTMLDivElement);
  readonly #code = byId('own-code', HTMLOutputElement);
  readonly #note = byId('code-note', HTMLParagraphElement);
  readonly #say: (words: string) => void;

  /** `say`: announces a text to people who do not see the page. */
  constructor(say: (words: string) => void) {
    this.#say = say;
    this.#copy.addEventListener('click', () => void this.#copyLink());
    this.#link.addEventListener('focus', () => this.#link.select());
  }

  show(link: string): void {
    this.#link.value = link;
    this.#section.hidden = false;
    void import('./qr.js').then(({ drawQr }) => this.#qr.replaceChildren(drawQr(link)));
  }

  hide(hidden: boolean): void {
    this.#section.hidden = hidden;
  }

  /** `note`: what happened to the previous code. */
  showCode(code: string | null, note: string): void {
    this.#codeRow.hidden = code === null;
    this.#code.textContent = code ?? '';
    this.#note.textContent = note;
    this.#note.hidden = note === '';
  }

  async #copyLink(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.#link.value);
    } catch {
      // No permission, or no secure context: the old call needs neither.
      this.#link.select();
      document.execCommand('copy');
    }
    this.#copy.textContent = 'Copied';
    this.#say('Link copied');
  }
}
