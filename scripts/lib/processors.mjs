// What the processors of this machine did for a while: whether a measurement says something about the code or about them.
import { readFile } from 'node:fs/promises';

/** proc_stat(5): the first line has user, nice, system, idle, iowait, irq, softirq, steal. */
async function readTicks() {
  const [line] = (await readFile('/proc/stat', 'utf8')).split('\n');
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const [, , , idle, iowait, , , stolen] = ticks;
  return { all: ticks.reduce((sum, count) => sum + count, 0), idle: idle + iowait, stolen };
}

/**
 * What `body` gives, and `idle` and `stolen`: the shares of all processors' time, 0 to 1, that nobody used and that the host of
 * a virtual machine gave to others meanwhile.
 */
export async function watchProcessors(body) {
  const before = await readTicks();
  const result = await body();
  const after = await readTicks();
  const all = Math.max(1, after.all - before.all);
  return { result, idle: (after.idle - before.idle) / all, stolen: (after.stolen - before.stolen) / all };
}
