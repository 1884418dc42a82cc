// T1: invite links as mail programs, chats and people pass them on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundle } from '../node/support/web_module.mjs';

const { findFragment, findLostFragment, parseInvite, readCommand, repairFragment } = await bundle(`
  export { findFragment, findLostFragment, repairFragment } from './base/invite_link.ts';
  export { readCommand } from './cli/usage.ts';
  export { parseInvite } from './room/invite.ts';
`);

const room = 'Zb3_tqYw-0aXhL7vRk9c4Q';
const key = '9-Xn2_RzKp5LwT8mYh1cVg';
const whole = `#room=${room}&key=${key}`;

test('T1: a link without damage stays as it is', () => {
  for (const fragment of [whole, `#room=${room}`, `${whole}&worker=0&sink=memory`, '#somewhere', '#', '']) assert.equal(repairFragment(fragment), fragment);
  // Longer rooms and keys, which other programs make, may end with any character.
  const long = `#room=${room}${'a'.repeat(20)}_&key=${key}${'b'.repeat(20)}-`;
  assert.equal(repairFragment(long), long);
});

test('T1: an ampersand in HTML, once or several times over', () => {
  for (const written of ['&amp;', '&AMP;', '&amp;amp;', '&#38;', '&#038;', '&#x26;', '%26', '%26amp%3B', '&amp%3B']) {
    assert.equal(repairFragment(`#room=${room}${written}key=${key}`), whole, written);
  }
});

test('T1: punctuation, brackets, quotation marks, emphasis and words behind the link', () => {
  for (const tail of ['.', ',', ';', ':', '!', '?', ')', ').', ']', '}', '>', '%3E', '"', "'", '%22', '”', '%E2%80%9D', '»', '。', '…', '*', '**', '_', '__', '~', '|', '%20and%20more', '%0A', '\\', '`', '/', '&', '&utm_source=mail', '?fbclid=abc', '#again']) {
    assert.equal(repairFragment(whole + tail), whole, tail);
  }
});

test('T1: names in capitals, encoded signs, characters without a width, an undecoded mail', () => {
  const damaged = [
    `#ROOM=${room}&KEY=${key}`, `#Room=${room}&Key=${key}`, `#room%3D${room}%26key%3D${key}`, `#room%253D${room}%2526key%253D${key}`,
    `#room=${room.slice(0, 9)}\u200b${room.slice(9)}&key=${key.slice(0, 4)}%E2%80%8B${key.slice(4)}`, `#room=${room}&key=\u00ad${key}`, `#room=3D${room}&key=3D${key}`,
  ];
  for (const fragment of damaged) assert.equal(repairFragment(fragment), whole, fragment);
});

test('T1: what is lost stays lost, and nothing is made up', () => {
  assert.equal(repairFragment(`#room=${room}&key=${key.slice(0, 10)}`), `#room=${room}&key=${key.slice(0, 10)}`);
  assert.equal(repairFragment(`#room=${room}&ke`), `#room=${room}`);
  assert.equal(repairFragment('#room=%E2%28%A1'), '#room=');
});

test('T1: a link among words, in angle brackets, with its scheme in capitals, encoded as a whole', () => {
  for (const text of [
    `<https://example.org/${whole}>`, `HTTPS://EXAMPLE.ORG/${whole}`, `Take it here: https://example.org/x/${whole}. Bye`, `(see https://example.org/?worker=0${whole})`,
    encodeURIComponent(`https://example.org/${whole}`), `[files](https://example.org/${whole})`, `https://example.org/${whole.replace('#', '%23')}\nThanks`,
  ]) {
    assert.equal(findFragment(text), whole, text);
  }
  for (const text of ['', '7-crossover-clockwork', 'a room=', 'https://example.org/#chapter', 'no # room = here']) assert.equal(findFragment(text), undefined, text);
});

test('T1: a fragment that became a part of the path or the query', () => {
  for (const before of ['/', '/share/', '/index.html', '/?', '/?worker=0']) {
    for (const sign of ['%23', '%2523', '%252523']) assert.deepEqual(findLostFragment(`${before}${sign}${whole.slice(1)}`), { before, fragment: whole }, sign);
  }
  const encoded = findLostFragment(`/%23room%3D${room}%26key%3D${key}`);
  assert.equal(repairFragment(encoded?.fragment ?? ''), whole);
  for (const path of ['/', '/%23', '/%23chapter', '/demo.js', '/room=1']) assert.equal(findLostFragment(path), undefined, path);
});

test('T1: rooms and the terminal take a damaged link, too', () => {
  for (const link of [
    `https://example.org/${whole}`, `https://example.org/${whole}).`, `https://example.org/#ROOM=${room}&amp;KEY=${key}`, `https://example.org/%23${whole.slice(1)}`,
    `https://example.org/#room%3D${room}%26key%3D${key}&utm_source=mail`,
  ]) {
    assert.deepEqual(parseInvite(link), { room, key }, link);
    const { meeting } = readCommand(['receive', link], {});
    assert.deepEqual({ ...meeting, server: String(meeting.server) }, { server: 'https://example.org/', room, key }, link);
  }
  assert.deepEqual(parseInvite(`<https://example.org/${whole}> is the room`), { room, key });
  // A key of which a part is lost is none.
  assert.throws(() => parseInvite(`https://example.org/#room=${room}&key=${key.slice(0, 10)}`), { code: 'invalid-argument' });
});
