import type { PeerStats } from '../index.js';
import type { Charts } from './charts.js';
import { byId, make } from './dom.js';
import { formatThroughput } from './format.js';
import { StatsHistory } from './stats_history.js';

const intervalMs = 1000;

/** The panel for engineers: statistics of the session, with advice in plain words. */
export class Details {
  readonly #panel = byId('details', HTMLDetailsElement);
  readonly #advice = byId('advice', HTMLParagraphElement);
  readonly #values: Readonly<Record<string, HTMLElement>>;
  readonly #stats: () => PeerStats | undefined;
  readonly #history = new StatsHistory();
  #charts: Charts | undefined;

  /** `stats`: the statistics of the current session, if there is one. */
  constructor(stats: () => PeerStats | undefined) {
    this.#stats = stats;
    const list = byId('figures', HTMLDListElement);
    // The bottleneck is a word, not a number, and goes last, where there is space.
    const names = ['Quality', 'Round trip', 'Loss', 'Lanes', 'Queue', 'Limit', 'Sending', 'Receiving', 'Bottleneck'];
    this.#values = Object.fromEntries(
      names.map((name) => {
        const value = make('dd', { text: '–', testId: `link-${name.toLowerCase().replace(' ', '-')}` });
        list.append(make('div', {}, [make('dt', { text: name }), value]));
        return [name, value];
      }),
    );
    this.#panel.addEventListener('toggle', () => void this.#openCharts());
    byId('save-json', HTMLButtonElement).addEventListener('click', () => this.#saveJson());
    byId('save-png', HTMLButtonElement).addEventListener('click', () => void this.#savePng());
    setInterval(() => this.#update(), intervalMs);
  }

  #update(): void {
    const stats = this.#stats();
    this.#panel.hidden = stats === undefined && this.#history.samples.length === 0;
    if (stats === undefined) return;
    const sample = this.#history.record(stats, Date.now());
    this.#advice.textContent = stats.recommendation;
    this.#advice.hidden = this.#advice.textContent === '';
    const loss = stats.packetLoss ?? sample.loss ?? undefined;
    this.#show('Quality', stats.quality === undefined ? undefined : `${Math.round(stats.quality)} of 100`);
    this.#show('Bottleneck', stats.bottleneck.replaceAll('-', ' '));
    this.#show('Round trip', stats.rtt === undefined ? undefined : `${stats.rtt.toFixed(stats.rtt < 10 ? 1 : 0)} ms`);
    this.#show('Loss', loss === undefined ? undefined : `${(loss * 100).toFixed(1)} %`);
    this.#show('Lanes', String(sample.lanes));
    this.#show('Queue', `${sample.queueDelay.toFixed(0)} ms`);
    this.#show('Limit', stats.bottleneckRate > 0 ? formatThroughput(stats.bottleneckRate) : undefined);
    this.#show('Sending', formatThroughput(sample.sent));
    this.#show('Receiving', formatThroughput(sample.received));
    if (this.#panel.open) this.#charts?.draw(this.#history.samples);
  }

  #show(name: string, text: string | undefined): void {
    const value = this.#values[name];
    if (value !== undefined) value.textContent = text ?? '–';
  }

  async #openCharts(): Promise<void> {
    if (!this.#panel.open || this.#charts !== undefined) return;
    const { Charts: Kind } = await import('./charts.js');
    this.#charts ??= new Kind(byId('charts', HTMLDivElement));
    this.#charts.draw(this.#history.samples);
  }

  #saveJson(): void {
    const text = JSON.stringify({ seconds: StatsHistory.seconds, samples: this.#history.samples }, null, 2);
    save(new Blob([text], { type: 'application/json' }), 'millrace-statistics.json');
  }

  async #savePng(): Promise<void> {
    const picture = await this.#charts?.toPng();
    if (picture) save(picture, 'millrace-statistics.png');
  }
}

function save(blob: Blob, name: string): void {
  const link = make('a', { attributes: { download: name } });
  link.href = URL.createObjectURL(blob);
  link.click();
  // The browser has to start the download first.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
