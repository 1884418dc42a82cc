// Whatever happens to a run, it leaves no namespace, process or file behind.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run } from './lab/command.mjs';
import { removeLeftovers } from './lab/namespaces.mjs';

const lab = fileURLToPath(new URL('lab/lab.mjs', import.meta.url));

/** Sets up a laboratory with a client and a helper, and says so. */
const script = `
  const { Lab } = await import(${JSON.stringify(lab)});
  const lab = await Lab.create();
  const client = await lab.addClient(await lab.addNetworksOf('cgnat'));
  await lab.startHelper(client.namespace, 'probe.mjs').call('bind', 'own', '0.0.0.0');
  process.stdout.write('ready');
  process.once('SIGTERM', () => void lab.close().then(() => process.exit()));
`;

/** What runs of this process have, by their names. @param {number} id */
async function tracesOf(id) {
  const namespaces = (await run('ip', ['netns', 'list'])).split('\n').map((line) => line.split(' ')[0]);
  return [...namespaces, ...readdirSync(tmpdir())].filter((name) => name?.startsWith(`millrace-nat-${id}-`));
}

/** A process that ended may stay in /proc until its parent asks for its result. @param {number} id */
function runs(id) {
  const stat = existsSync(`/proc/${id}/stat`) ? readFileSync(`/proc/${id}/stat`, 'utf8') : '';
  return stat !== '' && !/\) [ZX] /.test(stat);
}

async function startRun() {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  const id = /** @type {number} */ (child.pid);
  const traces = await tracesOf(id);
  // The internet, a client, two routers, and the folder.
  assert.equal(traces.length, 5);
  const helpers = [];
  for (const name of traces.filter((trace) => !existsSync(`${tmpdir()}/${trace}`))) {
    helpers.push(...(await run('ip', ['netns', 'pids', name])).split('\n').map(Number).filter((pid) => pid > 0));
  }
  assert.equal(helpers.length, 2, 'the internet and the client have a helper each');
  return { child, id, helpers };
}

test('a run that ends removes everything', async () => {
  const { child, id, helpers } = await startRun();
  child.kill('SIGTERM');
  await once(child, 'exit');
  assert.deepEqual(await tracesOf(id), []);
  for (const pid of helpers) assert.equal(runs(pid), false);
});

test('the next run removes what a killed run left behind, and nothing of a run that goes on', async (context) => {
  const [killed, running] = [await startRun(), await startRun()];
  context.after(() => running.child.kill('SIGTERM'));
  killed.child.kill('SIGKILL');
  await once(killed.child, 'exit');
  await removeLeftovers();
  assert.deepEqual(await tracesOf(killed.id), []);
  for (const pid of killed.helpers) assert.equal(runs(pid), false);
  assert.equal((await tracesOf(running.id)).length, 5);
  running.child.kill('SIGTERM');
  await once(running.child, 'exit');
});
