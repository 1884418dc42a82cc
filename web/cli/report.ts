import { formatBytes, formatThroughput } from '../base/format.js';
import type { Transfer } from '../index.js';

const BAR_WIDTH = 24;
const INTERVAL_MS = 200;

/** Output of the program: text and a progress bar for people, or JSON lines on standard output. */
export class Report {
  readonly #json: boolean;
  readonly #bar: boolean;
  #drawnAt = -Infinity;
  #drawn = false;

  constructor(json: boolean, quiet: boolean) {
    this.#json = json;
    this.#bar = !json && !quiet && process.stderr.isTTY;
  }

  /** `text` is for people; `fields` for programs. */
  say(event: string, text: string, fields: object = {}): void {
    if (this.#json) {
      process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
      return;
    }
    this.#clear();
    (event === 'error' ? process.stderr : process.stdout).write(`${text}\n`);
  }

  /** Shows the progress of a transfer, a few times a second. */
  follow(transfer: Transfer): void {
    transfer.addEventListener('progress', () => {
      const now = performance.now();
      if (now - this.#drawnAt < INTERVAL_MS) return;
      this.#drawnAt = now;
      const { bytes, totalBytes } = transfer;
      const rate = transfer.stats().throughputCurrent;
      if (this.#json) this.say('progress', '', { bytes, totalBytes, bytesPerSecond: Math.round(rate) });
      else if (this.#bar) this.#draw(bytes, totalBytes, rate);
    });
    void transfer.done.catch(() => {}).then(() => this.#clear());
  }

  #draw(bytes: number, totalBytes: number | null, rate: number): void {
    const share = totalBytes ? bytes / totalBytes : 0;
    const full = Math.round(share * BAR_WIDTH);
    const bar = totalBytes === null ? '' : `[${'#'.repeat(full)}${' '.repeat(BAR_WIDTH - full)}] ${Math.floor(share * 100)} %  `;
    process.stderr.write(`\r\x1b[K${bar}${formatBytes(bytes)}  ${formatThroughput(rate)}`);
    this.#drawn = true;
  }

  #clear(): void {
    if (this.#drawn) process.stderr.write('\r\x1b[K');
    this.#drawn = false;
  }
}
