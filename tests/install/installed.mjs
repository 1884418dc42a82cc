// The package as npm would publish it, installed into an empty project, and a browser to use it with. For tests of one process.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { launchBrowser } from '../../e2e/support/browsers.mjs';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const run = promisify(execFile);

/** The project's folder. */
export const project = await mkdtemp(join(tmpdir(), 'millrace-install-'));
// As after scripts/demo.sh, which writes no declarations: packing has to build what is missing.
for (const name of ['index', 'parts', 'worker']) await rm(join(root, `dist/${name}.d.ts`), { force: true });
const { stdout } = await run('npm', ['pack', '--json', '--silent', '--pack-destination', project], { cwd: root, maxBuffer: 1 << 24 });
/** What npm says of the tarball. */
export const [packed] = JSON.parse(stdout);
export const tarball = join(project, packed.filename);

await writeFile(join(project, 'package.json'), '{ "name": "somebody", "private": true, "type": "module" }\n');
// Nothing is asked of a registry: the package depends on nothing.
await run('npm', ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', tarball], { cwd: project });
// What programs for Node.js need besides is this repository's.
for (const name of ['@roamhq', 'ws']) await symlink(join(root, 'node_modules', name), join(project, 'node_modules', name));

export const browser = await launchBrowser('chromium');

/** For examples, which name no servers: their pages use none, instead of the public ones. */
export function withoutServers() {
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(configuration) {
      super({ ...configuration, iceServers: [] });
    }
  };
}

after(async () => {
  await browser.close();
  await rm(project, { recursive: true, force: true });
});
