// P1 to P4: what the site makes of drops, dialogs and pastes, with entries as browsers give them.
import assert from 'node:assert/strict';
import { openAsBlob } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { bundle } from '../node/support/web_module.mjs';

const { describeIntake, partsOf, takeFiles, takeItems } = await bundle(`
  export { takeFiles, takeItems } from './site/intake.ts';
  export { describeIntake } from './site/intake_words.ts';
  export { partsOf } from './site/archive.ts';
`);

/** A file that was changed on the disk after it was chosen: its bytes cannot be read any more. */
async function changedFile(context, name) {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-intake-'));
  context.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, name), 'before');
  const blob = await openAsBlob(join(folder, name));
  await writeFile(join(folder, name), 'after all');
  return new File([blob], name);
}

function fileEntry(fullPath, file) {
  return { isDirectory: false, isFile: true, fullPath, name: file?.name ?? '', file: (resolve, reject) => (file ? resolve(file) : reject(new DOMException('no', 'NotFoundError'))) };
}

/** Gives its entries in parts, as browsers do. `entries`: undefined where the folder cannot be read. */
function folderEntry(fullPath, entries) {
  const createReader = () => {
    const left = [...(entries ?? [])];
    return { readEntries: (resolve, reject) => (entries === undefined ? reject(new DOMException('no', 'NotReadableError')) : resolve(left.splice(0, 100))) };
  };
  return { isDirectory: true, isFile: false, fullPath, name: fullPath.split('/').at(-1), createReader };
}

const named = (name) => new File(['x'], name, { lastModified: 1 });
const pathsOf = ({ files }) => files.map((file) => file.webkitRelativePath || file.name);

test('P1: an item without an entry is taken as a file, and a file that its entry does not open', async () => {
  const plain = await takeItems([{ entry: null, file: named('made.txt') }, { entry: fileEntry('/mail.msg'), file: named('mail.msg') }]);
  assert.deepEqual(pathsOf(plain), ['made.txt', 'mail.msg']);
  assert.equal(describeIntake(plain), '');
});

test('P2: every folder and file that is left out is named, at any depth, and all others are sent', async () => {
  const inner = folderEntry('/trip/inner', [fileEntry('/trip/inner/c.txt', named('c.txt')), fileEntry('/trip/inner/lost.txt'), folderEntry('/trip/inner/none', [])]);
  const many = Array.from({ length: 250 }, (_, index) => fileEntry(`/trip/${1000 + index}`, named(`${1000 + index}`)));
  const trip = folderEntry('/trip', [...many, inner, folderEntry('/trip/locked')]);
  const intake = await takeItems([{ entry: trip, file: null }]);
  assert.equal(intake.files.length, 251);
  assert.equal(pathsOf(intake).at(-1), 'trip/inner/c.txt');
  assert.deepEqual(intake.leftOut, [
    { path: 'trip/inner/none', reason: 'empty-folder' }, { path: 'trip/locked', reason: 'unreadable' }, { path: 'trip/inner/lost.txt', reason: 'unreadable' },
  ]);
  assert.equal(describeIntake(intake), '“trip/locked” and “trip/inner/lost.txt” could not be read; “trip/inner/none” is an empty folder; the other 251 files are offered.');
});

test('P2: an empty folder alone, and files whose bytes cannot be read', async (context) => {
  assert.equal(describeIntake(await takeItems([{ entry: folderEntry('/hollow', []), file: null }])), '“hollow” is an empty folder; nothing is sent.');
  const files = await Promise.all(Array.from({ length: 600 }, (_, index) => (index % 100 === 7 ? changedFile(context, `bad ${index}`) : named(`good ${index}`))));
  const intake = await takeFiles(files);
  assert.equal(intake.files.length, 594);
  assert.ok(intake.files.every(({ name }) => name.startsWith('good')));
  assert.equal(describeIntake(intake), '“bad 7”, “bad 107”, “bad 207” and 3 more could not be read; the other 594 files are offered.');
});

test('P3: too many files are counted and not opened; a folder in itself ends', async () => {
  const untouched = Array.from({ length: 20_001 }, (_, index) => ({ isDirectory: false, fullPath: `/many/${index}`, name: `${index}`, file: () => assert.fail('opened') }));
  const many = await takeItems([{ entry: folderEntry('/many', untouched), file: null }]);
  assert.equal(describeIntake(many), 'These are 20,001 files, and at most 20,000 can be sent at once. Choose fewer, or pack them into one archive.');
  assert.match(describeIntake(await takeFiles(Array.from({ length: 20_001 }, () => named('a')))), /^These are 20,001 files/);

  const endless = (path) => ({ ...folderEntry(path, []), createReader: () => folderEntry(path, [fileEntry(`${path}/a.txt`, named('a.txt')), endless(`${path}/${'again'.repeat(20)}`)]).createReader() });
  const looped = await takeItems([{ entry: endless('/loop'), file: null }]);
  assert.equal(looped.files.length, 41);
  assert.deepEqual(looped.leftOut.map(({ reason }) => reason), ['too-deep']);
  assert.match(describeIntake(looped), /^“loop\/again.*…again.*” lies in too many folders; the other 41 files are offered\.$/);
});

test('P4: archives that are made in memory hold every file once, in order, and no more bytes than fit', () => {
  const sizes = [5, 5, 1, 20, 0, 3, 10, 1];
  const entries = sizes.map((size, index) => ({ path: `${index}`, size, lastModified: 0, content: new Blob() }));
  const parts = partsOf(entries, 11);
  assert.deepEqual(parts.flat(), entries);
  assert.deepEqual(parts.map((part) => part.map(({ size }) => size)), [[5, 5, 1], [20], [0, 3], [10, 1]]);
  assert.deepEqual(partsOf([], 11), []);
});
