// The demo site as people start it: dist/server.js in a process of its own, on a free port.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const server = fileURLToPath(new URL('../../dist/server.js', import.meta.url));
const pages = fileURLToPath(new URL('../pages', import.meta.url));
const startMs = 10_000;

/**
 * `withPages`: serve the bare test pages below `/pages/` too. `env`: more of the server's configuration, which names no STUN servers otherwise.
 * Errors: rejects where dist/ is not built or the server does not come up.
 *
 * @param {{ withPages?: boolean, env?: Record<string, string> }} [options]
 * @returns {Promise<{ url: string, stop: () => Promise<void> }>}
 */
export async function startSite({ withPages = false, env: more = {} } = {}) {
  if (!existsSync(server)) throw new Error('dist/server.js is missing: run `npm run build` first');
  const env = { ...process.env, PORT: '0', HOST: '127.0.0.1', STUN_URLS: 'none', ...(withPages ? { PAGES: pages } : {}), ...more };
  const child = spawn(process.execPath, [server], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };

  let output = '';
  let errors = '';
  child.stderr.on('data', (data) => (errors += String(data)));
  try {
    const url = await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the server did not start in time')), startMs);
      child.stdout.on('data', (data) => {
        output += String(data);
        const match = /^Millrace demo: (http:\S+)$/m.exec(output);
        if (match !== null) {
          clearTimeout(timer);
          resolve(match[1]);
        }
      });
      void ended.then(() => {
        clearTimeout(timer);
        reject(new Error(`the server ended: ${errors.trim()}`));
      });
    });
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
