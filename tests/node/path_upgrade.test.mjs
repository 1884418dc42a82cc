// When a connection through a relay looks for a direct path.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundle } from './support/web_module.mjs';

const { PathUpgrade } = await bundle("export { PathUpgrade } from './rtc/path_upgrade.ts';");

/** `paths`: the kind of path, which is read each second; ' ' while the connection is being repaired. Gives the seconds of the looks. */
function looksOf(context, paths) {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const looks = [];
  let second = 0;
  const upgrade = new PathUpgrade(() => looks.push(second));
  for (const path of paths) {
    if (path === ' ') upgrade.stop();
    else upgrade.found(path === 'r' ? 'relay' : 'direct');
    second += 1;
    context.mock.timers.tick(1_000);
  }
  upgrade.stop();
  context.mock.timers.tick(60_000);
  return looks;
}

test('a path through a relay is followed by two looks for a direct one, and no more', (context) => {
  assert.deepEqual(looksOf(context, 'r'.repeat(120)), [2, 22]);
});

test('a direct path ends the looks', (context) => {
  assert.deepEqual(looksOf(context, `rr${'d'.repeat(60)}`), [2]);
  context.mock.timers.reset();
  assert.deepEqual(looksOf(context, 'd'.repeat(60)), []);
});

test('a repaired connection begins anew', (context) => {
  assert.deepEqual(looksOf(context, `${'r'.repeat(30)}   ${'r'.repeat(30)}`), [2, 22, 35, 55]);
});
