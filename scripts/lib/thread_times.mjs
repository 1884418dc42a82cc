// Processor time of the processes that this one has started, by the type of the process and by thread (proc(5)).
import { readFile } from 'node:fs/promises';
import { familyOf, parseStat, readIds, readParents } from './process_family.mjs';

/** USER_HZ, the unit of the times in /proc: 100 on every architecture that browsers run on. */
const ticksPerSecond = 100;

/**
 * The type of a process, by its command line: `browser`, `renderer`, `network`, `gpu`, `emulator`, `site` or `other`.
 *
 * @param {readonly string[]} command
 */
export function typeOf(command) {
  const [program = '', ...args] = command;
  if (program.endsWith('millrace_link_emulator')) return 'emulator';
  if (args.some((arg) => arg.endsWith('dist/server.js'))) return 'site';
  const chromium = args.find((arg) => arg.startsWith('--type='))?.slice('--type='.length);
  if (chromium === 'renderer') return 'renderer';
  if (chromium === 'gpu-process') return 'gpu';
  if (chromium !== undefined) return args.some((arg) => arg.includes('network.mojom.NetworkService')) ? 'network' : 'other';
  // Firefox names the type of a content process in the last argument.
  if (args.includes('-contentproc')) return { tab: 'renderer', socket: 'network', gpu: 'gpu' }[args.at(-1) ?? ''] ?? 'other';
  return /chrom|firefox/.test(program) ? 'browser' : 'other';
}

/**
 * The group of a thread in reports. `isMain`: it is the first thread of its process.
 *
 * @param {string} type of its process @param {string} name @param {boolean} isMain
 */
export function groupOf(type, name, isMain) {
  if (type === 'emulator') return 'emulator';
  if (type === 'network') return 'network processes';
  if (type === 'browser') return 'browser processes';
  if (type !== 'renderer') return 'other processes';
  if (isMain) return 'main threads';
  if (/webrtc|rtc_|jingle|socket thread/i.test(name)) return 'WebRTC threads';
  if (/ChildIOT|IPC I\/O/i.test(name)) return 'I/O threads';
  if (/worker/i.test(name) && !/pool/i.test(name)) return 'workers';
  if (/pool/i.test(name)) return 'thread pools';
  return 'other threads';
}

/** A thread's name and ticks; null where it is gone. */
async function readStat(path) {
  const text = await readFile(path, 'utf8').catch(() => null);
  return text === null ? null : parseStat(text);
}

async function readProcess(id) {
  const [command, whole] = await Promise.all([readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => ''), readStat(`/proc/${id}/stat`)]);
  if (whole === null) return null;
  const threads = new Map();
  for (const thread of await readIds(`/proc/${id}/task`)) {
    const stat = await readStat(`/proc/${id}/task/${thread}/stat`);
    if (stat !== null) threads.set(thread, { name: stat.name, ticks: stat.ticks });
  }
  // Chromium writes over its command line, with spaces between the arguments.
  return { id, type: typeOf(command.split(/[\0 ]+/).filter((part) => part !== '')), ticks: whole.ticks, threads };
}

/**
 * All processes that this one has started, except for the site's server, with the ticks of each thread. Cost: some ms for each.
 */
export async function readFamily() {
  const family = familyOf(process.pid, await readParents()).filter((id) => id !== process.pid);
  const processes = await Promise.all(family.map(readProcess));
  return processes.filter((found) => found !== null && found.type !== 'site');
}

/**
 * Seconds of processor time between two readings, by group. Threads that ended in between count as `ended threads`; a process that ended
 * in between does not count.
 *
 * @returns {Record<string, number>}
 */
export function secondsBetween(before, after) {
  /** @type {Record<string, number>} */
  const ticks = {};
  const add = (group, count) => {
    if (count > 0) ticks[group] = (ticks[group] ?? 0) + count;
  };
  for (const { id, type, ticks: all, threads } of after) {
    const known = before.find((process) => process.id === id);
    let named = 0;
    for (const [thread, { name, ticks: now }] of threads) {
      const spent = now - (known?.threads.get(thread)?.ticks ?? 0);
      named += spent;
      add(groupOf(type, name, thread === id), spent);
    }
    add('ended threads', all - (known?.ticks ?? 0) - named);
  }
  return Object.fromEntries(Object.entries(ticks).map(([group, count]) => [group, count / ticksPerSecond]));
}
