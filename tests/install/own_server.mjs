// The package's own server, and windows of one browser at its pages.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { browser, project, withoutServers } from './installed.mjs';

/** Serves a folder of pages until the test ends; gives the address of the pages. */
export async function servePages(t, folder) {
  const server = spawn(process.execPath, [join(project, 'node_modules/millrace/dist/server.js')], {
    env: { ...process.env, PAGES: folder, PORT: '0', STUN_URLS: 'none' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => server.kill());
  const [line] = await once(server.stdout, 'data', { signal: AbortSignal.timeout(10_000) });
  return new URL('pages/', /http:\S+/.exec(String(line))[0]).href;
}

/** Windows that share their storage and can reach each other, until the test ends. */
export async function openContext(t, { timeoutMs = 30_000 } = {}) {
  const context = await browser.newContext();
  t.after(() => context.close());
  context.setDefaultTimeout(timeoutMs);
  await context.addInitScript(withoutServers);
  return context;
}
