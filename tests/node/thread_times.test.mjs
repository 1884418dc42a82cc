// Processor time by process and thread, as the benchmark `cpu` reads it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'node:test';
import { familyOf, parseStat, readIds, readParents } from '../../scripts/lib/process_family.mjs';
import { groupOf, readFamily, secondsBetween, typeOf } from '../../scripts/lib/thread_times.mjs';

test('a line of /proc is read whatever the name of the process holds', () => {
  const rest = 'S 42 7 7 0 -1 4194560 1 2 3 4 150 25 9 9 20 0 1 0 1234 5 6';
  assert.deepEqual(parseStat(`7 (chromium) ${rest}\n`), { name: 'chromium', parent: 42, ticks: 175 });
  assert.deepEqual(parseStat(`7 (a) b (c) ${rest}`), { name: 'a) b (c', parent: 42, ticks: 175 });
  assert.deepEqual(parseStat(`7 () ${rest}`), { name: '', parent: 42, ticks: 175 });
});

test('the type of a process is in its command line', () => {
  const chromium = '/usr/lib/chromium/chromium';
  const cases = [
    [[chromium, '--no-sandbox'], 'browser'],
    [[chromium, '--type=renderer', '--lang=en'], 'renderer'],
    [[chromium, '--type=gpu-process'], 'gpu'],
    [[chromium, '--type=utility', '--utility-sub-type=network.mojom.NetworkService'], 'network'],
    [[chromium, '--type=utility', '--utility-sub-type=storage.mojom.StorageService'], 'other'],
    [[chromium, '--type=zygote'], 'other'],
    [['/usr/lib/firefox-esr/firefox-esr'], 'browser'],
    [['/usr/lib/firefox-esr/firefox-esr', '-contentproc', '-parentBuildID', '1', '3', 'tab'], 'renderer'],
    [['/usr/lib/firefox-esr/firefox-esr', '-contentproc', '2', 'socket'], 'network'],
    [['/usr/lib/firefox-esr/firefox-esr', '-contentproc', '2', 'rdd'], 'other'],
    [['/some/where/millrace_link_emulator', '1'], 'emulator'],
    [['/usr/bin/node', '/some/where/dist/server.js'], 'site'],
    [[], 'other'],
  ];
  for (const [command, type] of cases) assert.equal(typeOf(command), type, command.join(' '));
});

test('threads are grouped by what they do', () => {
  assert.equal(groupOf('renderer', 'chromium', true), 'main threads');
  assert.equal(groupOf('renderer', 'Chrome_ChildIOT', false), 'I/O threads');
  assert.equal(groupOf('renderer', 'WebRTC_Network', false), 'WebRTC threads');
  assert.equal(groupOf('renderer', 'WebRTC_W_and_N', false), 'WebRTC threads');
  assert.equal(groupOf('renderer', 'DedicatedWorker', false), 'workers');
  assert.equal(groupOf('renderer', 'DOM Worker', false), 'workers');
  assert.equal(groupOf('renderer', 'ThreadPoolForeg', false), 'thread pools');
  assert.equal(groupOf('renderer', 'ThreadPoolServi', false), 'thread pools');
  assert.equal(groupOf('renderer', 'Compositor', false), 'other threads');
  assert.equal(groupOf('network', 'Chrome_ChildIOT', false), 'network processes');
  assert.equal(groupOf('emulator', 'millrace_link_e', true), 'emulator');
  assert.equal(groupOf('gpu', 'chromium', true), 'other processes');
});

test('seconds between two readings count new threads from zero, and threads that ended', () => {
  const process = (ticks, threads) => ({ id: 5, type: 'renderer', ticks, threads: new Map(threads) });
  const before = [process(100, [[5, { name: 'chromium', ticks: 60 }], [6, { name: 'DedicatedWorker', ticks: 40 }]])];
  // Of 400 ticks, 100 are known from before, 130 were spent by threads that still run, and the rest by others.
  const after = [
    process(400, [[5, { name: 'chromium', ticks: 70 }], [7, { name: 'DedicatedWorker', ticks: 120 }]]),
    { id: 9, type: 'emulator', ticks: 30, threads: new Map([[9, { name: 'millrace_link_e', ticks: 30 }]]) },
  ];
  assert.deepEqual(secondsBetween(before, after), { 'main threads': 0.1, workers: 1.2, 'ended threads': 1.7, emulator: 0.3 });
  assert.deepEqual(secondsBetween(after, after), {});
});

test('the processes that this one has started are found, and their time grows while they work', async () => {
  const parent = spawn(process.execPath, ['-e', `require('node:child_process').spawn(process.execPath, ['-e', 'const end = Date.now() + 20000; while (Date.now() < end);'], { stdio: 'inherit' }); setTimeout(() => {}, 20000);`]);
  try {
    let family = [];
    while (family.length < 2) {
      await delay(50);
      family = familyOf(parent.pid, await readParents());
    }
    const before = await readFamily();
    await delay(600);
    const spent = secondsBetween(before, await readFamily());
    const [, child] = family;
    assert.ok(before.some(({ id }) => id === child));
    assert.ok(!before.some(({ id }) => id === process.pid));
    // Even if others want the processors as well.
    assert.ok(spent['other processes'] > 0.05 && spent['other processes'] < 3, JSON.stringify(spent));
    process.kill(child, 'SIGKILL');
  } finally {
    parent.kill('SIGKILL');
  }
  assert.deepEqual(await readIds('/proc/no-such-process/task'), []);
});
