// What processes hold in memory, as the system counts it (proc(5)).
import { readFile } from 'node:fs/promises';
import { familyOf, readParents } from '../../scripts/lib/process_family.mjs';

/** The number behind `name`; 0 where the process is gone. */
async function field(path: string, name: string): Promise<number> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
}

/** What `start` gives, and the ids of the processes that this one has started meanwhile, for whatever reason. */
export async function watchStart<T>(start: () => Promise<T>): Promise<{ started: T; processes: readonly number[] }> {
  const ours = async (): Promise<number[]> => [...(await readParents())].filter(([, parent]) => parent === process.pid).map(([id]) => id);
  const before = await ours();
  const started = await start();
  return { started, processes: (await ours()).filter((id) => !before.includes(id)) };
}

/** Bytes of `processes` and all that they have started; what several of them share counts once. Cost: some ms for each process of the system. */
export async function memoryOf(processes: readonly number[]): Promise<number> {
  const parents = await readParents();
  const family = processes.flatMap((id) => familyOf(id, parents));
  const kibibytes = await Promise.all(family.map((id) => field(`/proc/${id}/smaps_rollup`, 'Pss')));
  return kibibytes.reduce((sum, size) => sum + size, 0) * 1024;
}
