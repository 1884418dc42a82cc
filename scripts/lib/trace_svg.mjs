// Draws what an emulated link saw of transfers: throughput, queue delay and drops, one panel each, one line per transfer.
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

const panels = [
  { title: 'carried, Mbit/s', points: ({ carriedBytes }, bucketMs) => pointsOf(carriedBytes, bucketMs, (part) => (sum(part) * 8) / pointMs / 1000) },
  { title: 'longest queue delay, ms', points: ({ queueUs }, bucketMs) => pointsOf(queueUs, bucketMs, (part) => largest(part) / 1000) },
  {
    title: 'packets dropped per 100 ms',
    points: ({ droppedByQueue, droppedOtherwise }, bucketMs) =>
      pointsOf(droppedByQueue.map((count, index) => count + droppedOtherwise[index]), bucketMs, sum),
  },
];

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
