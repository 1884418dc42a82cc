// Opens pages that use the installed package, and waits for what they came to.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { browser } from './installed.mjs';

const types = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm' };

/** What page.js comes to where everything works. */
export const moved = { same: true, worker: true, fallback: null, name: 'sevens.bin' };

/** Serves a folder until the test ends; gives its address. `headers` go with every answer. */
export async function serve(t, folder, html = '', headers = {}) {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url, 'http://x').pathname);
    const content = path === '/' ? Promise.resolve(html) : readFile(join(folder, path));
    content.then(
      (body) => response.writeHead(200, { 'content-type': types[extname(path) || '.html'] ?? 'application/octet-stream', ...headers }).end(body),
      () => response.writeHead(404).end(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return `http://127.0.0.1:${server.address().port}/`;
}

/** What the page at an address sets as `result`. */
export async function resultOf(address) {
  const page = await browser.newPage();
  const problems = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  try {
    await page.goto(address);
    return await (await page.waitForFunction(() => globalThis.result, undefined, { timeout: 60_000 })).jsonValue();
  } catch (error) {
    throw problems.length > 0 ? new Error(problems.join('\n'), { cause: error }) : error;
  } finally {
    await page.close();
  }
}
