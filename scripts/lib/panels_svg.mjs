// Draws lines over time as an SVG: panels one below the other that share their seconds.

const width = 900;
const panelHeight = 150;
const margin = { left: 70, right: 20, top: 40, bottom: 34, between: 36 };

export const colours = ['#0b6bcb', '#c2410c', '#15803d', '#7e22ce', '#b45309'];

const escape = (text) => text.replace(/[&<>]/g, (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[character]);

/** The next of 1, 2, 5, 10, 20, … that is at least `value`. */
function roundUp(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999_999);
}

/** Names in their colours, the last one ends at the right margin. */
function drawLegend(names, y) {
  return names.map(
    ({ name, colour }, index) =>
      `<text x="${width - margin.right - (names.length - index) * 120 + 20}" y="${y}" fill="${colour}">${escape(name)}</text>`,
  );
}

/**
 * @typedef {[seconds: number, value: number]} Point
 * @typedef {{ colour: string, name?: string, points: readonly Point[] }} Line `name`: for the panel's own legend
 * @typedef {{ title: string, lines: readonly Line[], marks?: readonly { at: number, colour: string }[] }} Panel
 *
 * @param {string} title
 * @param {readonly { name: string, colour: string }[]} legend of all panels
 * @param {readonly Panel[]} panels
 */
export function drawPanels(title, legend, panels) {
  const everything = panels.flatMap(({ lines }) => lines.flatMap(({ points }) => points));
  const seconds = everything.reduce((last, [at]) => Math.max(last, at), 0) || 1;
  const plotWidth = width - margin.left - margin.right;
  const height = margin.top + panels.length * panelHeight + (panels.length - 1) * margin.between + margin.bottom;
  const x = (at) => (margin.left + (at / seconds) * plotWidth).toFixed(1);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    `<text x="${margin.left}" y="16" font-size="14">${escape(title)}</text>`,
    ...drawLegend(legend, 16),
  ];
  panels.forEach((panel, row) => {
    const top = margin.top + row * (panelHeight + margin.between);
    const bottom = top + panelHeight;
    const most = roundUp(panel.lines.reduce((above, { points }) => points.reduce((value, [, next]) => Math.max(value, next), above), 0));
    const y = (value) => bottom - (value / most) * panelHeight;
    parts.push(`<text x="${margin.left}" y="${top - 6}">${escape(panel.title)}</text>`);
    parts.push(...drawLegend(panel.lines.filter(({ name }) => name !== undefined), top - 6));
    for (const value of [0, most / 2, most]) {
      parts.push(`<line x1="${margin.left}" x2="${width - margin.right}" y1="${y(value)}" y2="${y(value)}" stroke="#ddd"/>`);
      parts.push(`<text x="${margin.left - 6}" y="${y(value) + 4}" text-anchor="end">${value}</text>`);
    }
    for (const { at, colour } of panel.marks ?? []) {
      parts.push(`<line x1="${x(at)}" x2="${x(at)}" y1="${bottom - 8}" y2="${bottom}" stroke="${colour}"/>`);
    }
    for (const { colour, points } of panel.lines) {
      const path = points.map(([at, value]) => `${x(at)},${y(value).toFixed(1)}`).join(' ');
      parts.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.2"/>`);
    }
  });
  const step = roundUp(seconds / 10);
  for (let second = 0; second <= seconds; second += step) {
    parts.push(`<text x="${x(second)}" y="${height - margin.bottom + 16}" text-anchor="middle">${Number(second.toFixed(2))} s</text>`);
  }
  parts.push('</svg>');
  return `${parts.join('\n')}\n`;
}
