// The rows of the benchmark `field`, the random links, and the figures that targets are about.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settingsOf } from '../../e2e/emulator/links.mjs';
import { drawLinks, kindNames } from '../../scripts/lib/access_links.mjs';
import { bytesFor, ceilingOf, describeTarget, isMet, rowOf, rows } from '../../scripts/lib/field_rows.mjs';
import { quantile } from '../../scripts/lib/measure.mjs';
import { drawRun } from '../../scripts/lib/trace_svg.mjs';

test('every row has a name of its own, a link and a target', () => {
  const names = rows.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const row of rows) {
    assert.match(row.name, /^[a-z0-9]+(-[a-z0-9.]+)*$/);
    const { rttMs, loss, mbps, queueBytes } = row.link;
    assert.ok(rttMs > 0 && loss >= 0 && loss < 0.1 && mbps > 0 && mbps <= 40 && queueBytes > 0, row.name);
    assert.notEqual(describeTarget(row), '', row.name);
    assert.equal(row.kind === 'link', row.bytes !== undefined, row.name);
  }
});

test('a transfer takes about 15 s at the ceiling, and at least 1 MB', () => {
  assert.equal(ceilingOf(20), 18.52);
  assert.equal(bytesFor(20), 34_725_000);
  assert.equal(bytesFor(0.5), 1_000_000);
  const secondsOf = ({ bytes, link }) => (bytes * 8) / 1e6 / ceilingOf(link.mbps);
  for (const row of rows.filter(({ bytes }) => bytes !== undefined)) assert.ok(secondsOf(row) > 14.9 && secondsOf(row) < 18, row.name);
});

test('a row is met when all of its figures are; a missing figure is a miss', () => {
  const row = { atLeast: { ofCeiling: 0.85 }, atMost: { sentAgain: 0.3, longestSilenceMs: 1000 } };
  const good = { ofCeiling: 0.85, sentAgain: 0.3, longestSilenceMs: 1000 };
  assert.equal(describeTarget(row), 'ofCeiling >= 0.85, sentAgain <= 0.3, longestSilenceMs <= 1000');
  assert.equal(isMet(row, good), true);
  for (const bad of [{ ofCeiling: 0.84 }, { sentAgain: 0.31 }, { longestSilenceMs: 1001 }, { ofCeiling: NaN }, { sentAgain: null }, { longestSilenceMs: undefined }]) {
    assert.equal(isMet(row, { ...good, ...bad }), false, JSON.stringify(bad));
  }
  assert.equal(isMet({}, good), null);
});

test('a link that is in no list has to be as fast as the naive pump', () => {
  const row = rowOf({ name: 'some', rttMs: 30, loss: 0, mbps: 8, queueBytes: 50_000 });
  assert.equal(row.kind, 'link');
  assert.equal(isMet(row, { ofNaive: 0.99 }), false);
  assert.equal(isMet(row, { ofNaive: 1 }), true);
});

test('a seed gives the same random links, all kinds in turn, none faster than two processors carry', () => {
  const links = drawLinks(200, 7);
  assert.deepEqual(drawLinks(3, 7), links.slice(0, 3));
  assert.notDeepEqual(drawLinks(3, 8), links.slice(0, 3));
  assert.equal(new Set(links.map(({ name }) => name)).size, 200);
  for (const [index, { name, rttMs, mbps, back, ...forward }] of links.entries()) {
    assert.ok(name.endsWith(`-${kindNames[index % kindNames.length]}`), name);
    assert.ok(rttMs >= 2 && rttMs <= 760 && mbps >= 0.4 && mbps <= 40 && back.mbps >= 0.4 && back.mbps <= 400, name);
    for (const { loss, queueBytes, jitterMs, burstPackets } of [forward, back]) {
      assert.ok(loss >= 0 && loss <= 0.01 && queueBytes >= 10_000 && jitterMs > 0 && jitterMs <= 20 && burstPackets >= 1 && burstPackets <= 6, name);
    }
  }
  // Neither every link loses, nor none.
  const lossy = links.filter(({ loss }) => loss > 0).length;
  assert.ok(lossy > 40 && lossy < 160, String(lossy));
});

test('each direction of a link has its own settings, and bursts have the mean length and the loss that they should have', () => {
  const link = { rttMs: 50, loss: 0.01, mbps: 20, queueBytes: 100_000 };
  const common = { delayMs: 25, jitterMs: 0, rateMbps: 20, queueBytes: 100_000, loss: 0.01 };
  assert.deepEqual(settingsOf(link), [{ direction: 'ab', ...common }, { direction: 'ba', ...common }]);
  const [there, back] = settingsOf({ ...link, jitterMs: 3, burstPackets: 4, back: { mbps: 0.3, queueBytes: 30_000, loss: 0, burstPackets: 1 } });
  assert.deepEqual(back, { direction: 'ba', ...common, jitterMs: 3, rateMbps: 0.3, queueBytes: 30_000, loss: 0 });
  assert.deepEqual([there.loss, there.burstLeave, there.burstLoss], [0, 0.25, 1]);
  assert.ok(Math.abs(there.burstEnter / (there.burstEnter + there.burstLeave) - 0.01) < 1e-9);
});

test('quantiles are values that were measured, by the nearest rank', () => {
  const values = [5, 1, 4, 2, 3];
  assert.deepEqual([0, 0.2, 0.21, 0.5, 0.95, 1].map((share) => quantile(values, share)), [1, 1, 2, 3, 5, 5]);
  assert.deepEqual(values, [5, 1, 4, 2, 3]);
  assert.equal(quantile(Array.from({ length: 100 }, (_, index) => index + 1), 0.95), 95);
  assert.throws(() => quantile([], 0.5), /no values/);
});

test('the picture of a run has what arrived, the pacing rate, the queue, drops and lanes', () => {
  const direction = { carriedBytes: Array(100).fill(12_500), queueUs: Array(100).fill(4000), droppedByQueue: Array(100).fill(1), droppedOtherwise: Array(100).fill(0) };
  const run = { trace: { bucketMs: 10, ab: direction } };
  const log = [
    { type: 'log', version: 1, transfer: 'send-1', direction: 'send', files: 1, totalBytes: null, dropped: 0 },
    // The first one is from before the trace.
    ...[900, 1100, 1200].map((t) => ({ t, type: 'link', pacing: 1_250_000, lanes: 4 })),
  ].map((entry) => JSON.stringify(entry)).join('\n');
  const svg = drawRun('dsl-0.5', { ...run, logs: [log, log], epochMs: 1000 }, run);
  assert.match(svg, /^<svg /);
  for (const title of ['dsl-0.5', 'arriving, and pacing rate, Mbit/s', 'longest queue delay, ms', 'open lanes', 'naive pump', 'pacing 1', 'pacing 2', 'lanes 2']) assert.ok(svg.includes(`>${title}<`), title);
  // Two lines of each direction in three panels, pacing and lanes of two logs.
  const lines = [...svg.matchAll(/<polyline points="([^"]*)"/g)].map(([, points]) => points.split(' ').length);
  assert.deepEqual(lines, [10, 10, 2, 2, 10, 10, 10, 10, 2, 2]);
});
