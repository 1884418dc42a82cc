// Draws what an emulated link saw of transfers: throughput, queue delay and drops, one panel each, one line per transfer.
import { readLog } from './log_svg.mjs';
import { colours, drawPanels } from './panels_svg.mjs';

/** Buckets of the emulator, 10 ms, are gathered into these: a line that the eye can follow. */
const pointMs = 100;

/** One value per `pointMs`: what `gather` makes of the buckets in it. */
function pointsOf(buckets, bucketMs, gather) {
  const size = Math.round(pointMs / bucketMs);
  return Array.from({ length: Math.ceil(buckets.length / size) }, (_, index) => [
    (index * pointMs) / 1000,
    gather(buckets.slice(index * size, (index + 1) * size)),
  ]);
}

const sum = (values) => values.reduce((total, value) => total + value, 0);
const largest = (values) => values.reduce((most, value) => Math.max(most, value), 0);

const carried = { title: 'carried, Mbit/s', points: ({ carriedBytes }, bucketMs) => pointsOf(carriedBytes, bucketMs, (part) => (sum(part) * 8) / pointMs / 1000) };
const queued = { title: 'longest queue delay, ms', points: ({ queueUs }, bucketMs) => pointsOf(queueUs, bucketMs, (part) => largest(part) / 1000) };
const dropped = {
  title: 'packets dropped per 100 ms',
  points: ({ droppedByQueue, droppedOtherwise }, bucketMs) =>
    pointsOf(droppedByQueue.map((count, index) => count + droppedOtherwise[index]), bucketMs, sum),
};
const panels = [carried, queued, dropped];

/**
 * An SVG of `traces`, each `{ name, bucketMs, direction }` with a direction of the emulator's trace.
 */
export function drawTraces(title, traces) {
  const colourOf = (index) => colours[index % colours.length];
  return drawPanels(
    title,
    traces.map(({ name }, index) => ({ name, colour: colourOf(index) })),
    panels.map((panel) => ({
      title: panel.title,
      lines: traces.map(({ direction, bucketMs }, index) => ({ colour: colourOf(index), points: panel.points(direction, bucketMs) })),
    })),
  );
}

const [ofMillrace, ofNaive] = colours;

/** One line per log: a field of the samples, over the seconds since `epochMs`. */
function linesOf(logs, epochMs, field, value) {
  return logs.map((log, index) => {
    const samples = readLog(log).entries.filter(({ type, t, [field]: sample }) => type === 'link' && t >= epochMs && Number.isFinite(sample));
    return { name: logs.length === 1 ? field : `${field} ${index + 1}`, colour: colours[(2 + index) % colours.length], points: samples.map((sample) => [(sample.t - epochMs) / 1000, value(sample[field])]) };
  });
}

/**
 * An SVG of a run of Millrace and one of a naive pump over the same link: the rate that arrives and the pacing rate, the queue, drops, and
 * the lanes over time. A run has `trace`, that of the emulator; Millrace's also has `logs`, of its transfers, and `epochMs`, when the trace
 * began, ms since 1970.
 */
export function drawRun(title, { trace, logs, epochMs }, naive) {
  const lineOf = (panel, run, colour) => ({ colour, points: panel.points(run.ab, run.bucketMs) });
  const both = (panel) => [lineOf(panel, naive.trace, ofNaive), lineOf(panel, trace, ofMillrace)];
  return drawPanels(
    title,
    [
      { name: 'Millrace', colour: ofMillrace },
      { name: 'naive pump', colour: ofNaive },
    ],
    [
      { title: 'arriving, and pacing rate, Mbit/s', lines: [...both(carried), ...linesOf(logs, epochMs, 'pacing', (bytes) => (bytes * 8) / 1e6)] },
      { title: queued.title, lines: both(queued) },
      { title: dropped.title, lines: both(dropped) },
      { title: 'open lanes', lines: linesOf(logs, epochMs, 'lanes', (lanes) => lanes) },
    ],
  );
}
