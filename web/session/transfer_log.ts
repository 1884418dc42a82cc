/** Some 5 MB; at ten a second half an hour, and later samples are further apart. */
const MOST_LINES = 16_384;

/** One transfer's log: lines of JSON as the engine hands them over, of which the oldest go where there are too many. */
export class TransferLog {
  #lines: string[] = [];
  #dropped = 0;

  add(lines: readonly string[]): void {
    this.#lines.push(...lines);
    const surplus = this.#lines.length - MOST_LINES;
    if (surplus <= 0) return;
    this.#lines = this.#lines.slice(surplus);
    this.#dropped += surplus;
  }

  /** The first line says what the others are about. */
  text(about: object): string {
    const first = JSON.stringify({ type: 'log', version: 1, ...about, dropped: this.#dropped });
    return [first, ...this.#lines, ''].join('\n');
  }
}
