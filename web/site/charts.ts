import uPlot from 'uplot';
import { make } from './dom.js';
import { formatThroughput } from './format.js';
import { StatsHistory, type Sample } from './stats_history.js';

/** A chart draws these numbers of each sample. */
interface Kind {
  readonly title: string;
  readonly lines: readonly { label: string; color: string; value: (sample: Sample) => number | null }[];
  readonly format: (value: number) => string;
  /** The axis reaches at least this value. */
  readonly least: number;
}

const kinds: readonly Kind[] = [
  {
    title: 'Throughput',
    lines: [
      { label: 'sent', color: '--accent', value: ({ sent }) => sent },
      { label: 'received', color: '--second', value: ({ received }) => received },
    ],
    format: formatThroughput,
    least: 1000,
  },
  {
    title: 'Round trip and queue',
    lines: [
      { label: 'round trip', color: '--accent', value: ({ rtt }) => rtt },
      { label: 'queue', color: '--second', value: ({ queueDelay }) => queueDelay },
    ],
    format: (value) => `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`,
    least: 1,
  },
  { title: 'Lanes', lines: [{ label: 'lanes', color: '--accent', value: ({ lanes }) => lanes }], format: (value) => value.toFixed(0), least: 1 },
];
const height = 150;

/** Charts of the last minute of a session. They are a file of their own, loaded when the panel opens. */
export class Charts {
  readonly #plots: { kind: Kind; plot: uPlot }[];

  constructor(place: HTMLElement) {
    this.#plots = kinds.map((kind) => {
      const box = make('div', { class: 'chart', testId: 'chart', attributes: { role: 'img', 'aria-label': `${kind.title} over the last minute` } });
      place.append(make('figure', { class: 'figure' }, [make('figcaption', {}, [make('strong', { text: kind.title }), ...legend(kind)]), box]));
      return { kind, plot: makePlot(kind, box) };
    });
    new ResizeObserver(() => {
      for (const { plot } of this.#plots) plot.setSize({ width: widthOf(plot.root.parentElement), height });
    }).observe(place);
    // The lines read their colours when they are drawn.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#plots.forEach(({ plot }) => plot.redraw()));
  }

  draw(samples: readonly Sample[]): void {
    const times = samples.map(({ at }) => at / 1000);
    for (const { kind, plot } of this.#plots) {
      plot.setData([times, ...kind.lines.map(({ value }) => samples.map(value))] as uPlot.AlignedData);
    }
  }

  /** All charts, one below the other. */
  toPng(): Promise<Blob | null> {
    const pictures = this.#plots.map(({ plot }) => plot.ctx.canvas);
    const titleHeight = 28 * devicePixelRatio;
    const canvas = make('canvas');
    canvas.width = Math.max(...pictures.map(({ width }) => width));
    canvas.height = pictures.reduce((sum, picture) => sum + picture.height + titleHeight, 0);
    const pen = canvas.getContext('2d');
    if (pen === null) return Promise.resolve(null);
    pen.fillStyle = color('--card');
    pen.fillRect(0, 0, canvas.width, canvas.height);
    let y = 0;
    this.#plots.forEach(({ kind, plot }) => {
      pen.font = `${14 * devicePixelRatio}px sans-serif`;
      let x = 8 * devicePixelRatio;
      const write = (text: string, look: string): void => {
        pen.fillStyle = color(look);
        pen.fillText(text, x, y + titleHeight * 0.7);
        x += pen.measureText(`${text}   `).width;
      };
      write(kind.title, '--text');
      for (const line of kind.lines) write(line.label, line.color);
      pen.drawImage(plot.ctx.canvas, 0, y + titleHeight);
      y += titleHeight + plot.ctx.canvas.height;
    });
    return new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
  }
}

function legend(kind: Kind): HTMLElement[] {
  return kind.lines.map(({ label }, index) => make('span', { class: index === 0 ? 'key' : 'key second', text: label }));
}

function makePlot(kind: Kind, box: HTMLElement): uPlot {
  const axis = { stroke: () => color('--muted'), grid: { stroke: () => color('--line'), width: 1 }, ticks: { show: false } };
  return new uPlot(
    {
      width: widthOf(box),
      height,
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { range: () => [Date.now() / 1000 - StatsHistory.seconds, Date.now() / 1000] },
        y: { range: (_plot, _least, most) => [0, Math.max(kind.least, most * 1.1)] },
      },
      axes: [
        { ...axis, space: 90, size: 28, values: (_plot, ticks) => ticks.map((tick) => new Date(tick * 1000).toLocaleTimeString([], { timeStyle: 'medium' })) },
        { ...axis, size: 76, values: (_plot, ticks) => ticks.map((tick) => (kind.format === formatThroughput || Number.isInteger(tick) ? kind.format(tick) : '')) },
      ],
      series: [{}, ...kind.lines.map(({ label, color: name }) => ({ label, stroke: () => color(name), width: 2, points: { show: false } }))],
    },
    [[], ...kind.lines.map(() => [])],
    box,
  );
}

function widthOf(element: HTMLElement | null): number {
  return Math.max(200, element?.clientWidth ?? 0);
}

function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name);
}
