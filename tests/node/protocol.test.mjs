// PROTOCOL.md's tables say what the code does: types of frames, codes of errors, and those limits that stand in wire/limits.h.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

const source = (path) => readFile(new URL(`../../src/${path}`, import.meta.url), 'utf8');
const protocol = await source('PROTOCOL.md');

/** The cells of each row of the table below a heading. */
function tableOf(heading) {
  const section = protocol.split(new RegExp(`^## ${heading}$`, 'm'))[1]?.split(/^## /m)[0];
  assert.ok(section, heading);
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) => row.split('|').slice(1, -1).map((cell) => cell.trim()));
}

/** `[name, number]` of each member of an enum. */
function membersOf(code, name) {
  const body = new RegExp(`enum class ${name} : \\w+ \\{([^}]*)\\}`).exec(code)?.[1];
  assert.ok(body, name);
  return [...body.matchAll(/\bk(\w+) = (\w+)/g)].map(([, member, number]) => [member, Number(number)]);
}

test('frames have the types of the table', async () => {
  const documented = tableOf('Frames').map(([type, name]) => [name, parseInt(type, 16)]);
  const members = membersOf(await source('wire/frames.h'), 'FrameType').map(([name, number]) => [name.toUpperCase(), number]);
  assert.deepEqual(documented, members);
});

test('errors have the numbers and names of the table', async () => {
  const cells = tableOf('Error codes').flat();
  const documented = new Map();
  for (let i = 0; i + 1 < cells.length; i += 2) if (cells[i] !== '') documented.set(Number(cells[i]), cells[i + 1]);
  const members = membersOf(await source('base/error.h'), 'ErrorCode');
  const kebab = (name) => name.replace(/(?!^)[A-Z]/g, '-$&').toLowerCase();
  assert.deepEqual([...documented].sort(([a], [b]) => a - b), members.map(([name, number]) => [number, kebab(name)]).sort(([a], [b]) => a - b));
  const names = await source('base/error.cpp');
  for (const [name] of members) assert.ok(names.includes(`{ErrorCode::k${name}, "${kebab(name)}"}`), name);
});

test('limits have the values of the table', async () => {
  const limits = new Map();
  for (const [, name, value] of (await source('wire/limits.h')).matchAll(/constexpr \w+ (k\w+) = ([^;]+);/g)) {
    // Products, powers of two and other constants, in C++'s own writing.
    const text = value.replace(/'/g, '').replace(/\w+_t\{(\w+)\}/g, '$1').replace(/\bk\w+/g, (other) => limits.get(other));
    const power = /^\(1 << (\d+)\) - 1$/.exec(text);
    limits.set(name, power ? 2 ** power[1] - 1 : text.split('*').reduce((product, factor) => product * Number(factor), 1));
  }
  const rows = new Map(tableOf('Limits'));
  const expected = {
    'a message': ['kMaxMessageBytes', 'kMinMessageBytes'],
    'a control record · a pulse record': ['kMaxControlRecordBytes', 'kMaxPulseRecordBytes'],
    'files in all open transfers of one side': ['kMaxOpenFiles'],
    'different folders in the offers of one side whose manifests are not whole yet': ['kMaxFolders'],
    'open transfers of one side': ['kMaxOpenTransfers'],
    'a path · a type · a reason · a SIGNAL message': ['kMaxPathBytes', 'kMaxTypeBytes', 'kMaxReasonBytes', 'kMaxSignalBytes'],
    'ranges in an ACK': ['kMaxAckRanges'],
    'gaps between the whole leaves that have arrived (or are named by HAVE), in all open transfers of one side; and in the numbers of a lane\'s records': [
      'kMaxGaps',
    ],
    'control records sent and not acknowledged': ['kMaxUnackedControlRecords'],
  };
  for (const [row, names] of Object.entries(expected)) {
    const documented = (rows.get(row)?.match(/\d[\d,]*/g) ?? []).map((number) => Number(number.replaceAll(',', '')));
    assert.deepEqual(documented, names.map((name) => limits.get(name)), row);
  }
  assert.equal(rows.get('a file, and a transfer in all'), '2^53 − 1 bytes');
  assert.equal(limits.get('kMaxFileBytes'), Number.MAX_SAFE_INTEGER);
  assert.equal(rows.get('paths and types of all open offers of one side'), `${limits.get('kMaxManifestBytes') / 2 ** 20} MiB`);
});
