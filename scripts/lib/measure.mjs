// What the benchmarks with real browsers share: pages, the naive pumps, one transfer through the package.
import { randomBytes } from 'node:crypto';
import { checkBrowser, openProfile } from '../../e2e/support/browsers.mjs';

const KiB = 1024;

/** Every naive pump of a raw channel: 64 and 256 KiB messages, high-water marks of 64 KiB, 1 MiB and 8 MiB. */
export const pumps = [64 * KiB, 256 * KiB].flatMap((messageBytes) =>
  [64 * KiB, 1024 * KiB, 8192 * KiB].map((highWater) => ({ messageBytes, highWater })));

/** The one that most pages have. */
export const isNaive = ({ messageBytes, highWater }) => messageBytes === 64 * KiB && highWater === 8192 * KiB;

export function nameOfPump({ messageBytes, highWater }) {
  return `${messageBytes / KiB} KiB messages, high water ${highWater / KiB} KiB`;
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The value that this share of all does not exceed, 0–1, by the nearest rank. Errors: throws where there are no values. */
export function quantile(values, share) {
  if (values.length === 0) throw new Error('no values');
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))];
}

/** For a row: more digits would be noise. */
export function rounded(value) {
  return Number(value.toFixed(2));
}

/** `name`: how the option is called. Errors: throws where `text` is no whole number from 1 on. */
export function readCount(name, text) {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new Error(`--${name} must be a whole number from 1 on, not "${text}"`);
  return count;
}

/** `SENDER>RECEIVER` pairs of browser names. Errors: throws where one is malformed or a browser is missing. */
export function readPairs(text, separator) {
  const pairs = text.split(separator);
  for (const pair of pairs) {
    const names = pair.split('>');
    if (names.length !== 2) throw new Error(`--browsers takes SENDER>RECEIVER, not "${pair}"`);
    for (const name of names) checkBrowser(name);
  }
  return pairs;
}

/** The options of all benchmarks over links, for `parseArgs`. `rounds`: how many there are where none is given. */
export function runOptions(rounds) {
  return {
    json: { type: 'boolean', default: false },
    browsers: { type: 'string', default: 'chromium>chromium' },
    rounds: { type: 'string', default: rounds },
  };
}

/** The values of these options. Errors: as readPairs and readCount. */
export function readRun(values) {
  return { json: values.json, pairs: readPairs(values.browsers, ','), rounds: readCount('rounds', values.rounds) };
}

/** The same for a benchmark of one pair, `pair`. Errors: throws for several, too. */
export function readRunOfOnePair(values) {
  const { pairs, ...run } = readRun(values);
  if (pairs.length !== 1) throw new Error('--browsers takes one SENDER>RECEIVER here');
  return { ...run, pair: pairs[0] };
}

/** `names`, or all of `known` where there are none. `kind`: what they name. Errors: throws for a name that is not known. */
export function chooseNames(names, known, kind) {
  for (const name of names) if (!known.includes(name)) throw new Error(`no ${kind} "${name}": there are ${known.join(', ')}`);
  return names.length === 0 ? known : names;
}

/**
 * Runs a benchmark and ends what it started whatever happens, on signals too: `main` gets a list to push functions on, which
 * are called in the opposite order. A failure is told in one line, and the exit code is 1.
 */
export async function runBenchmark(name, main) {
  const cleanups = [];
  const cleanUp = async () => {
    for (const end of cleanups.splice(0).reverse()) await end().catch((error) => process.stderr.write(`while cleaning up: ${error.message}\n`));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => {
      void cleanUp().then(() => process.exit(130));
    });
  }
  try {
    await main(cleanups);
  } catch (error) {
    process.stderr.write(`${name}: ${error.message}\n`);
    process.exitCode = 1;
  } finally {
    await cleanUp();
  }
}

/**
 * Starts the two browsers of a `SENDER>RECEIVER` pair for `body(profiles)`. After a failure or a signal, `cleanups` close
 * them.
 */
export async function withProfiles(pair, cleanups, body) {
  const profiles = [];
  const closeAll = async () => {
    for (const profile of profiles.splice(0)) await profile.close();
  };
  cleanups.push(closeAll);
  for (const name of pair.split('>')) profiles.push(await openProfile(name));
  await body(profiles);
  await closeAll();
}

/**
 * Opens `url` in a fresh page of each profile, runs `body` with the pages, and closes them. `prepare` gets each page
 * first, and its number.
 */
export async function withPages(profiles, url, body, prepare = async () => {}) {
  const pages = await Promise.all(profiles.map((profile) => profile.newPage()));
  try {
    await Promise.all(pages.map(prepare));
    await Promise.all(pages.map((page) => page.goto(url)));
    return await body(...pages);
  } finally {
    await Promise.all(pages.map((page) => page.close()));
  }
}

/** Connects two pages that have `offer`, `answer` and `finish`, as raw.js has. `name`: of the global that has them. */
export async function connectByDescription(sender, receiver, name) {
  const offer = await sender.evaluate((global) => globalThis[global].offer(), name);
  const answer = await receiver.evaluate(([global, description]) => globalThis[global].answer(description), [name, offer]);
  await sender.evaluate(([global, description]) => globalThis[global].finish(description), [name, answer]);
}

/** Connects two bare pages. `options`: of `connect`, on both sides. Errors: rejects with what either side's `connect` said. */
export async function connectBare(sender, receiver, options = {}) {
  const room = randomBytes(16).toString('base64url');
  const connect = (page) => page.evaluate((settings) => globalThis.bare.connect(settings), { room, worker: true, ...options });
  const failures = await Promise.all([sender, receiver].map(connect));
  for (const failure of failures) if (failure !== null) throw new Error(failure.error.message);
}

/**
 * One file of `bytes` between two bare pages, into the receiver's private file system; the receiving page accepts at once.
 * `ready` is called when the next thing is the `send`; `options` are those of `connect`. Gives both outcomes.
 * Errors: rejects where either side fails or what arrived is not what was sent.
 */
export async function transferFile(sender, receiver, bytes, ready, options = {}) {
  await connectBare(sender, receiver, options);
  await sender.evaluate((size) => globalThis.bare.prepare([size], 1), bytes);
  await ready();
  const accepting = receiver.evaluate(async () => {
    await globalThis.bare.nextOffer();
    return globalThis.bare.accept('opfs');
  });
  const sending = await sender.evaluate(() => globalThis.bare.send(1));
  const receiving = await accepting;
  const [sent, received] = await Promise.all([
    sender.evaluate((id) => globalThis.bare.outcome(id, { hash: false }), sending),
    receiver.evaluate((id) => globalThis.bare.outcome(id, { hash: false }), receiving),
  ]);
  for (const side of [sent, received]) if (side.error !== undefined) throw new Error(side.error.message);
  if (sent.files[0].root !== received.files[0].root) throw new Error('the roots differ');
  if (received.files[0].blobSize !== bytes) throw new Error('the stored file has another size');
  return { sent, received };
}
