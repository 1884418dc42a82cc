// Other people's tools that only these tests need, each set from its lock file (tests/install/tools), installed once for each lock.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { root, run } from './installed.mjs';

/** The folder `node_modules` of a set. Errors: rejects with what npm said. */
export async function installTools(name) {
  const files = join(root, 'tests/install/tools', name);
  const lock = await readFile(join(files, 'package-lock.json'));
  const folder = join(root, 'build/tools', `${name}-${createHash('sha256').update(lock).digest('hex').slice(0, 16)}`);
  if (!existsSync(folder)) {
    const growing = `${folder}.part`;
    await rm(growing, { recursive: true, force: true });
    await mkdir(growing, { recursive: true });
    for (const file of ['package.json', 'package-lock.json']) await copyFile(join(files, file), join(growing, file));
    await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'], { cwd: growing });
    await rename(growing, folder);
  }
  return join(folder, 'node_modules');
}
