/** About 5 MB: half an hour at ten lines a second, and later samples are further apart. */
const MOST_LINES = 16_384;

/** The log of one transfer: lines of JSON from the engine. The oldest lines are dropped if there are too many. */
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

  /** The whole log. Its first line describes the transfer. */
  text(about: object): string {
    const first = JSON.stringify({ type: 'log', version: 1, ...about, dropped: this.#dropped });
    return [first, ...this.#lines, ''].join('\n');
  }
}
