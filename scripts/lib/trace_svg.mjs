// Draws how transfers went over time: throughput, queue delay and drops, one panel each, one line per transfer.

/** Buckets of the emulator, 10 ms, are gathered into these: a line that the eye can follow. */
const pointMs = 100;
const width = 900;
const panelHeight = 150;
const margin = { left: 70, right: 20, top: 40, bottom: 34, between: 36 };
const colours = ['#0b6bcb', '#c2410c', '#15803d', '#7e22ce'];

const escape = (text) => text.replace(/[&<>]/g, (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[character]);

/** One value per `pointMs`: what `gather` makes of the buckets in it. */
function pointsOf(buckets, bucketMs, gather) {
  const size = Math.round(pointMs / bucketMs);
  return Array.from({ length: Math.ceil(buckets.length / size) }, (_, index) => gather(buckets.slice(index * size, (index + 1) * size)));
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

/** The next of 1, 2, 5, 10, 20, … that is at least `value`. */
function roundUp(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999_999);
}

/**
 * An SVG of `traces`, each `{ name, bucketMs, direction }` with a direction of the emulator's trace.
 */
export function drawTraces(title, traces) {
  const series = traces.map(({ direction, bucketMs }) => panels.map((panel) => panel.points(direction, bucketMs)));
  const points = Math.max(2, ...series.map(([first]) => first.length));
  const plotWidth = width - margin.left - margin.right;
  const height = margin.top + panels.length * panelHeight + (panels.length - 1) * margin.between + margin.bottom;
  const x = (index) => margin.left + (index / (points - 1)) * plotWidth;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    `<text x="${margin.left}" y="16" font-size="14">${escape(title)}</text>`,
  ];
  traces.forEach(({ name }, index) => {
    parts.push(`<text x="${width - margin.right - (traces.length - index) * 120 + 20}" y="16" fill="${colours[index % colours.length]}">${escape(name)}</text>`);
  });
  panels.forEach((panel, row) => {
    const top = margin.top + row * (panelHeight + margin.between);
    const bottom = top + panelHeight;
    const most = roundUp(Math.max(0, ...series.flatMap((lines) => lines[row])));
    const y = (value) => bottom - (value / most) * panelHeight;
    parts.push(`<text x="${margin.left}" y="${top - 6}">${escape(panel.title)}</text>`);
    for (const value of [0, most / 2, most]) {
      parts.push(`<line x1="${margin.left}" x2="${width - margin.right}" y1="${y(value)}" y2="${y(value)}" stroke="#ddd"/>`);
      parts.push(`<text x="${margin.left - 6}" y="${y(value) + 4}" text-anchor="end">${value}</text>`);
    }
    series.forEach((lines, index) => {
      const path = lines[row].map((value, point) => `${x(point).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
      parts.push(`<polyline points="${path}" fill="none" stroke="${colours[index % colours.length]}" stroke-width="1.2"/>`);
    });
  });
  const seconds = ((points - 1) * pointMs) / 1000;
  const step = roundUp(seconds / 10);
  for (let second = 0; second <= seconds; second += step) {
    const at = x((second * 1000) / pointMs);
    parts.push(`<text x="${at.toFixed(1)}" y="${height - margin.bottom + 16}" text-anchor="middle">${Number(second.toFixed(2))} s</text>`);
  }
  parts.push('</svg>');
  return `${parts.join('\n')}\n`;
}
