// millrace/sodium against npm libsodium-wrappers, both ways, as pages get it: dist/sodium.js with its own .wasm.
//
//   SODIUM_SEED=N SODIUM_MESSAGES=N node --test tests/node/sodium_interop.test.mjs
import { randomInt } from 'node:crypto';
import { before, test } from 'node:test';
import peer from 'libsodium-wrappers';
import ours from '../../dist/sodium.js';
import { familyNames, runFamily } from '../interop/run.mjs';

const seed = Number(process.env.SODIUM_SEED ?? randomInt(2 ** 31));
const messages = Number(process.env.SODIUM_MESSAGES ?? 10_000);

before(() => Promise.all([ours.ready, peer.ready]));

for (const name of familyNames) {
  test(`${name}: ${messages} messages, seed ${seed}`, () => runFamily(name, ours, peer, { seed, messages }));
}
