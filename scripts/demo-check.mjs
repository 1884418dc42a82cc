// Sends a file between two real browsers through the demo's own page, and checks the bytes that arrive.
//
//   node scripts/demo-check.mjs FILE [--browsers chromium,firefox] [--json]
//
// Exits 0 only if the file arrived verified: both pages say so with the same hash tree root, and the file that the
// receiving page saved to disk has the SHA-256 of the original.
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { browserNames, checkBrowser, launchBrowser } from '../e2e/support/browsers.mjs';
import { savedFile, sha256OfFile } from '../e2e/support/downloads.mjs';
import { startSite } from '../e2e/support/site.mjs';

/** A wrong command line or a missing piece: said without a stack. */
class UsageError extends Error {}

const usage = `usage: demo-check FILE [--browsers SENDER,RECEIVER] [--json]   (browsers: ${browserNames.join(', ')})`;
const connectMs = 60_000;
/** A transfer may be as slow as this, bytes/s, before it counts as stuck. */
const slowestBytesPerSecond = 500_000;

/** What runs now, to be ended in the opposite order whatever happens. */
const cleanups = [];

async function cleanUp() {
  for (const end of cleanups.splice(0).reverse()) {
    try {
      await end();
    } catch (error) {
      process.stderr.write(`demo-check: while cleaning up: ${error.message}\n`);
    }
  }
}

function readArguments() {
  let parsed;
  try {
    parsed = parseArgs({
      allowPositionals: true,
      options: { browsers: { type: 'string', default: 'chromium' }, json: { type: 'boolean', default: false } },
    });
  } catch (error) {
    throw new UsageError(`${error.message}\n${usage}`);
  }
  const [file] = parsed.positionals;
  if (file === undefined || parsed.positionals.length > 1) throw new UsageError(usage);
  const names = parsed.values.browsers.split(/[,>]/).map((name) => name.trim());
  if (names.length > 2) throw new UsageError(`two browsers at most\n${usage}`);
  const [sender, receiver = sender] = names;
  return { path: resolve(file), sender, receiver, json: parsed.values.json };
}

async function checkFile(path) {
  let info;
  try {
    info = await stat(path);
  } catch {
    throw new UsageError(`no such file: ${path}`);
  }
  if (!info.isFile()) throw new UsageError(`not a file: ${path}`);
  return info.size;
}

/** A page of the demo in a browser process of its own. */
async function openDemo(name, url, downloads) {
  const browser = await launchBrowser(name, { downloads });
  cleanups.push(() => browser.close());
  const context = await browser.newContext({ acceptDownloads: true });
  const page = await context.newPage();
  page.setDefaultTimeout(connectMs);
  await page.goto(url);
  return page;
}

/** What the page says at the end of its one transfer. Errors: rejects with the page's own words where it failed. */
async function outcome(page, side, timeout) {
  const card = page.getByTestId('transfer');
  await page
    .locator('[data-testid=transfer][data-state=done], [data-testid=transfer][data-state=failed], [data-testid=transfer][data-state=cancelled]')
    .waitFor({ timeout });
  const state = await card.getAttribute('data-state');
  if (state !== 'done') {
    const words = (await card.getByTestId('transfer-error').textContent()) || (await card.getByTestId('transfer-state').textContent());
    throw new Error(`the ${side} says: ${words}`);
  }
  return {
    root: await card.getAttribute('data-root'),
    bytes: Number(await card.getAttribute('data-bytes')),
    seconds: Number(await card.getAttribute('data-seconds')),
    words: await card.getByTestId('transfer-state').textContent(),
  };
}

async function check({ path, sender, receiver }) {
  const bytes = await checkFile(path);
  for (const name of [sender, receiver]) {
    try {
      checkBrowser(name);
    } catch (error) {
      throw new UsageError(error.message);
    }
  }

  const downloads = await mkdtemp(join(tmpdir(), 'millrace-check-'));
  cleanups.push(() => rm(downloads, { recursive: true, force: true }));
  const site = await startSite();
  cleanups.push(() => site.stop());

  const sending = await openDemo(sender, site.url);
  await sending.getByTestId('files').setInputFiles(path);
  const link = sending.getByTestId('link');
  await link.waitFor();

  const receiving = await openDemo(receiver, await link.inputValue(), downloads);
  await receiving.getByTestId('accept').click();
  const timeout = connectMs + (bytes / slowestBytesPerSecond) * 1000;
  const [sent, received] = await Promise.all([outcome(sending, 'sender', timeout), outcome(receiving, 'receiver', timeout)]);
  const save = () => receiving.getByTestId('save').click();
  const saved = await savedFile(receiving, { name: receiver, folder: downloads, timeoutMs: timeout, isWhole: (_path, size) => size === bytes, save });

  const [original, copy] = await Promise.all([sha256OfFile(path), sha256OfFile(saved)]);
  if (copy !== original) throw new Error(`${basename(path)} arrived with other bytes: SHA-256 ${copy}, not ${original}`);
  if (received.bytes !== bytes || sent.bytes !== bytes) throw new Error(`the receipts speak of ${received.bytes} and ${sent.bytes} bytes, not ${bytes}`);
  if (!received.root || received.root !== sent.root) throw new Error(`the roots differ: ${sent.root} sent, ${received.root} received`);
  if (received.words !== 'Received and verified' || sent.words !== 'Sent and verified') {
    throw new Error(`the pages say "${sent.words}" and "${received.words}"`);
  }
  return {
    verified: true,
    bytes,
    seconds: Number(received.seconds.toFixed(3)),
    mbps: received.seconds > 0 ? Number(((bytes * 8) / received.seconds / 1e6).toFixed(1)) : 0,
    root: received.root,
    browsers: `${sender}>${receiver}`,
  };
}

let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    interrupted = true;
    void cleanUp().then(() => process.exit(130));
  });
}

let asJson = process.argv.includes('--json');
try {
  const options = readArguments();
  asJson = options.json;
  const result = await check(options);
  const { bytes, seconds, mbps, root, browsers } = result;
  process.stdout.write(
    asJson
      ? `${JSON.stringify(result)}\n`
      : `Verified: ${basename(options.path)}, ${bytes} bytes, ${browsers} in ${seconds} s (${mbps} Mbit/s), BLAKE2b root ${root}\n`,
  );
} catch (error) {
  // Ending the browsers makes whatever waited for them fail; that is not news.
  const reason = interrupted ? 'interrupted' : error.message;
  process.stderr.write(`demo-check: ${error instanceof UsageError ? reason : `not verified: ${reason}`}\n`);
  if (asJson) process.stdout.write(`${JSON.stringify({ verified: false, error: reason.split('\n')[0] })}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
} finally {
  await cleanUp();
}
