// Processes that keep the processors busy, as other programs of a machine do.
import { spawn } from 'node:child_process';

/** Ends with its parent, whatever ends that. */
const loop = 'const parent = process.ppid; while (process.ppid === parent) for (let i = 0; i < 1e7; i += 1);';

/** What `body` gives while `count` loops run. */
export async function withBusyLoops(count, body) {
  const loops = Array.from({ length: count }, () => spawn(process.execPath, ['-e', loop], { stdio: 'ignore' }));
  try {
    return await body();
  } finally {
    for (const child of loops) child.kill('SIGKILL');
  }
}
