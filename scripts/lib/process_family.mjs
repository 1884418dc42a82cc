// Which process started which (proc(5)).
import { readdir, readFile } from 'node:fs/promises';

/**
 * The fields of `/proc/PID/stat` or `/proc/PID/task/TID/stat` that are used here. The name stands in parentheses and may hold anything,
 * parentheses and spaces too. `ticks`: of processor time, in user and system mode; a second has 100 of them.
 *
 * @param {string} text @returns {{ name: string, parent: number, ticks: number }}
 */
export function parseStat(text) {
  const end = text.lastIndexOf(')');
  // Fields 3 and further: state, ppid, …; utime and stime are fields 14 and 15.
  const fields = text.slice(end + 1).trim().split(/\s+/);
  return { name: text.slice(text.indexOf('(') + 1, end), parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
}

/** The ids that are names of entries of a folder of /proc. @param {string} folder @returns {Promise<number[]>} none where it is gone */
export async function readIds(folder) {
  const names = await readdir(folder).catch(() => /** @type {string[]} */ ([]));
  return names.map(Number).filter((id) => id > 0);
}

/** The parent of each process. @returns {Promise<Map<number, number>>} */
export async function readParents() {
  const parents = new Map();
  for (const id of await readIds('/proc')) {
    const text = await readFile(`/proc/${id}/stat`, 'utf8').catch(() => null);
    if (text !== null) parents.set(id, parseStat(text).parent);
  }
  return parents;
}

/**
 * A process and all that it has started, directly or not.
 *
 * @param {number} id @param {ReadonlyMap<number, number>} parents @returns {number[]}
 */
export function familyOf(id, parents) {
  return [id, ...[...parents.keys()].filter((other) => parents.get(other) === id).flatMap((child) => familyOf(child, parents))];
}
