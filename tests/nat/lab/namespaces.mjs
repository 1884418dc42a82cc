// The network namespaces of one run, and a folder for its files. Their names hold the id and the start time of this process, so that no
// other run has the same names, and a later run can tell which ones a killed run left behind.
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inside, run } from './command.mjs';

const PREFIX = 'millrace-nat';
/** Time for processes to end after SIGTERM, ms. */
const END_MS = 3_000;

export class Namespaces {
  #owner;
  /** @type {Set<string>} */
  #names = new Set();

  /** @param {string} owner */
  constructor(owner) {
    this.#owner = owner;
  }

  /** Errors: rejects where this process has no start time in /proc. */
  static async forThisProcess() {
    const started = await startTime(process.pid);
    if (started === undefined) throw new Error('/proc is missing: the laboratory needs Linux');
    return new Namespaces(`${PREFIX}-${process.pid}-${started}`);
  }

  /**
   * Adds a namespace with a working loopback interface. Errors: rejects where the machine does not allow it.
   *
   * @param {string} role Tells the namespaces of this run apart. @param {readonly string[]} [sysctls] `net/…=value`
   * @returns {Promise<string>} its name
   */
  async add(role, sysctls = []) {
    const name = `${this.#owner}-${role}`;
    await run('ip', ['netns', 'add', name]);
    this.#names.add(name);
    const settings = sysctls.map((setting) => setting.split('=')).map(([path, value]) => `echo ${value} > /proc/sys/${path}`);
    await run('ip', inside(name, ['sh', '-ec', ['ip link set lo up', ...settings].join('\n')]));
    return name;
  }

  /** Makes the folder. @returns {Promise<string>} its path */
  async addFolder() {
    const folder = join(tmpdir(), this.#owner);
    await mkdir(folder);
    return folder;
  }

  /** Ends all processes in a namespace, and removes it with its interfaces. @param {string} name */
  async remove(name) {
    this.#names.delete(name);
    await removeNamespace(name);
  }

  /** Removes the folder, too. Errors: rejects with the first failure, after all others are removed. */
  async removeAll() {
    const results = await Promise.allSettled([...this.#names].map((name) => this.remove(name)));
    await rm(join(tmpdir(), this.#owner), { recursive: true, force: true });
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }
}

/** Removes the namespaces and folders of runs whose process is gone. @returns {Promise<string[]>} their names */
export async function removeLeftovers() {
  const left = await withoutOwner((await run('ip', ['netns', 'list'])).split('\n').map((line) => line.split(' ')[0]));
  for (const name of left) await removeNamespace(name);
  const folders = await withoutOwner(await readdir(tmpdir()));
  for (const name of folders) await rm(join(tmpdir(), name), { recursive: true, force: true });
  return [...left, ...folders];
}

/** Those of the names that belong to runs whose process is gone. @param {readonly string[]} names */
async function withoutOwner(names) {
  const left = [];
  for (const name of names) {
    const match = new RegExp(`^${PREFIX}-(\\d+)-(\\d+)(-|$)`).exec(name);
    if (match !== null && (await startTime(Number(match[1]))) !== match[2]) left.push(name);
  }
  return left;
}

/** The ids of the processes in a namespace. @param {string} name */
async function processesIn(name) {
  return (await run('ip', ['netns', 'pids', name])).split('\n').map(Number).filter((id) => id > 0);
}

/** @param {string} name */
async function removeNamespace(name) {
  const ids = await processesIn(name);
  signal(ids, 'SIGTERM');
  // A stopped process hears SIGTERM when it continues.
  signal(ids, 'SIGCONT');
  signal(await processesAfter(name, END_MS), 'SIGKILL');
  await processesAfter(name, END_MS);
  await run('ip', ['netns', 'del', name]);
}

/** Waits until a namespace has no processes, at most `ms`. Gives those that are left. @param {string} name @param {number} ms */
async function processesAfter(name, ms) {
  const deadline = Date.now() + ms;
  for (;;) {
    const ids = await processesIn(name);
    if (ids.length === 0 || Date.now() > deadline) return ids;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** @param {readonly number[]} ids @param {NodeJS.Signals} name */
function signal(ids, name) {
  for (const id of ids) {
    try {
      process.kill(id, name);
    } catch {
      // It ended meanwhile.
    }
  }
}

/** When a process started, in clock ticks since the system did (proc(5), field 22 of stat); undefined where there is no such process. */
async function startTime(/** @type {number} */ id) {
  const text = await readFile(`/proc/${id}/stat`, 'utf8').catch(() => undefined);
  // The second field, the name in parentheses, may hold spaces and parentheses.
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[19];
}
