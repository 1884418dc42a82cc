// The rules by which the matrix expects a path.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expectedPath } from './lab/expected.mjs';
import { kinds } from './lab/kinds.mjs';

const all = { stun: true, turn: true };

/** @type {readonly [a: string, b: string, servers: typeof all, path: string][]} */
const cases = [
  ['port-restricted', 'port-restricted', all, 'direct udp'],
  ['port-restricted', 'cgnat', all, 'direct udp'],
  ['open', 'symmetric', all, 'direct udp'],
  ['symmetric', 'full-cone', all, 'direct udp'],
  ['symmetric', 'port-restricted', all, 'relay udp'],
  ['symmetric', 'symmetric', all, 'relay udp'],
  ['open', 'udp-blocked', all, 'relay tcp'],
  ['udp-blocked', 'tcp-443-only', all, 'relay tls'],
  ['ipv6-only', 'ipv6-only', all, 'direct udp'],
  ['ipv6-only', 'open', all, 'relay udp'],
  ['same-nat', 'same-nat', { stun: false, turn: false }, 'direct udp'],
  ['same-nat-isolated', 'same-nat-isolated', all, 'relay udp'],
  ['same-nat-isolated', 'same-nat-isolated', { stun: true, turn: false }, 'none null'],
  ['symmetric', 'symmetric', { stun: true, turn: false }, 'none null'],
  ['port-restricted', 'port-restricted', { stun: false, turn: false }, 'none null'],
];

for (const [a, b, servers, path] of cases) {
  test(`${a} and ${b}${servers.turn ? '' : ' without TURN'}${servers.stun ? '' : ' and STUN'}: ${path}`, () => {
    const expected = expectedPath(a, b, servers);
    assert.equal(`${expected.path} ${expected.protocol}`, path);
  });
}

test('the order of the two sides makes no difference, and with TURN there is a path for each pair', () => {
  const separate = Object.keys(kinds).filter((name) => !kinds[name].shared);
  for (const a of separate) {
    for (const b of separate) {
      assert.deepEqual(expectedPath(a, b, all), expectedPath(b, a, all));
      assert.notEqual(expectedPath(a, b, all).path, 'none');
    }
  }
});
