// Draws the log of a transfer (docs/trace.md): throughput, round trip, queue, lanes, chunk size and what was waited for.
import { colours, drawPanels } from './panels_svg.mjs';

const KiB = 1024;

/**
 * The lines of a log.
 * Errors: throws where it is none, or one of a later version.
 *
 * @param {string} text
 * @returns {{ about: Record<string, string | number | null>, entries: ({ t: number, type: string } & Record<string, string | number | boolean>)[] }}
 */
export function readLog(text) {
  const [first, ...entries] = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line, index) => {
      try {
        return JSON.parse(line);
      } catch {
        throw new Error(`line ${index + 1} is no JSON`);
      }
    });
  if (first?.type !== 'log') throw new Error('the first line is not that of a log');
  if (first.version !== 1) throw new Error(`a log of version ${first.version}; this reads version 1`);
  entries.forEach((entry, index) => {
    if (typeof entry?.type !== 'string' || !Number.isFinite(entry.t)) throw new Error(`line ${index + 2} has no time or type`);
  });
  return { about: first, entries };
}

/** Mbit/s of what a total has grown by since the sample before. */
function ratesOf(samples, name, secondsOf) {
  return samples.slice(1).map((sample, index) => {
    const before = samples[index];
    const seconds = Math.max((sample.t - before.t) / 1000, 1e-3);
    return [secondsOf(sample), (Math.max(0, sample[name] - before[name]) * 8) / 1e6 / seconds];
  });
}

/** An SVG of a log's text. Errors: throws as `readLog`, and where the log has too few samples to draw. */
export function drawLog(text) {
  const { about, entries } = readLog(text);
  const samples = entries.filter(({ type }) => type === 'link');
  if (samples.length < 2) throw new Error('a log with fewer than two samples of the link');
  const start = entries[0].t;
  const secondsOf = ({ t }) => (t - start) / 1000;
  const line = (name, index, value) => ({
    name,
    colour: colours[index],
    points: samples.map((sample) => [secondsOf(sample), value(sample)]).filter(([, number]) => Number.isFinite(number)),
  });
  const marksOf = (types, colour) => entries.filter(types).map((entry) => ({ at: secondsOf(entry), colour }));
  const sending = about.direction === 'send';
  const waits = ['source', 'seal', 'channel', 'network', 'sink'];
  const panels = [
    {
      title: 'Mbit/s; below: losses (red), lanes and transfers that stall (orange)',
      lines: [
        { name: sending ? 'acknowledged' : 'received', colour: colours[0], points: ratesOf(samples, sending ? 'acked' : 'received', secondsOf) },
        ...(sending
          ? [line('pacing', 1, ({ pacing }) => (pacing * 8) / 1e6), line('bottleneck', 2, ({ bottleneck }) => (bottleneck * 8) / 1e6)]
          : []),
      ],
      marks: [
        ...marksOf(({ type }) => type === 'loss', 'red'),
        ...marksOf(({ type, state }) => state === 'stalled' || (type === 'stall' && state === 'begin'), 'orange'),
      ],
    },
    { title: 'round trip, ms', lines: [line('now', 0, ({ rtt }) => rtt), line('least', 2, ({ rttMin }) => rttMin)] },
    { title: 'queue, ms', lines: [line('queue', 0, ({ queue }) => queue)] },
    { title: 'lanes', lines: [line('open', 0, ({ lanes }) => lanes), line('wanted', 1, ({ lanesWanted }) => lanesWanted)] },
    { title: 'KiB', lines: [line('chunk', 0, ({ chunk }) => chunk / KiB), line('record', 1, ({ record }) => record / KiB)] },
    {
      title: 'waited for, share',
      lines: waits.map((name, index) => line(name, index, (sample) => sample[`wait${name[0].toUpperCase()}${name.slice(1)}`])),
    },
  ];
  const size = about.totalBytes === null ? 'unknown size' : `${about.totalBytes} bytes`;
  return drawPanels(`${about.transfer}, ${size}`, [], panels);
}
