import type { Agreement } from '../engine/messages.js';
import { namesOf } from '../secrets/sas.js';

/** A line of the page's log. */
export interface LogLine {
  readonly level: 'info' | 'warning';
  readonly message: string;
}

/** What the two sides agreed on, and whether this side knows who the other one is. Until they have, everything counts as encrypted. */
export class Trust {
  readonly #askedForEncryption: boolean;
  #agreement: Agreement | undefined;
  #sas: readonly string[] = [];
  #comparedByUser = false;

  constructor(askedForEncryption: boolean) {
    this.#askedForEncryption = askedForEncryption;
  }

  get sas(): readonly string[] {
    return this.#sas;
  }

  get encrypted(): boolean {
    return this.#agreement?.encrypted ?? true;
  }

  get verified(): boolean {
    return this.#comparedByUser || (this.#agreement?.authenticated ?? false);
  }

  /** A person has compared `sas`. */
  verify(): void {
    this.#comparedByUser = true;
  }

  /** Returns what the page should know about the agreement. */
  agree(agreement: Agreement): readonly LogLine[] {
    this.#agreement = agreement;
    this.#sas = namesOf(agreement.sas);
    const lines: LogLine[] = [];
    if (!agreement.encrypted) lines.push({ level: 'warning', message: 'both sides asked for no encryption: this session has none of its own' });
    else if (!this.#askedForEncryption) lines.push({ level: 'info', message: 'the other side asked for encryption: this session is encrypted' });
    if (!agreement.authenticated) lines.push({ level: 'info', message: 'no secret authenticates the other side: compare `sas` with it' });
    return lines;
  }
}
