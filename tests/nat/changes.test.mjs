// Networks that change during a transfer: it continues within 3 s of the new path, and all bytes arrive.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { iceServersOf } from './lab/coturn.mjs';
import { Lab } from './lab/lab.mjs';
import { RunningTransfer } from './lab/running_transfer.mjs';

const CONTINUE_SECONDS = 3;
/** Beyond this, a test is over. */
const LIMIT_SECONDS = 45;
const SLEEP_MS = 30_000;

/** @type {Lab} */
let lab;
/** @type {string} */
let url;
/** @type {[import('./lab/client.mjs').Client, import('./lab/client.mjs').Client]} */
let clients;
/** @type {import('./lab/network.mjs').Network} */
let home;
/** @type {import('./lab/network.mjs').Network} */
let wifi;
/** @type {import('./lab/network.mjs').Network} */
let mobile;

before(async () => {
  lab = await Lab.create();
  url = await lab.startServers();
  [home, wifi, mobile] = [await lab.addNetwork('port-restricted'), await lab.addNetwork('port-restricted'), await lab.addNetwork('cgnat', { subnet: 2 })];
  clients = [await lab.addClient([wifi]), await lab.addClient([home])];
});
after(() => lab?.close());

/**
 * `moving`: which of the two clients has the change, 0 for the sender. `browsers`: of the sender and of the receiver. `change` resolves when the
 * new path exists.
 *
 * @typedef {object} Setting @property {0 | 1} moving @property {readonly ['chromium' | 'firefox', 'chromium' | 'firefox']} browsers
 * @param {Setting} setting @param {(mover: import('./lab/client.mjs').Client) => Promise<unknown>} change
 */
async function continues({ moving, browsers }, change, seconds = 20) {
  const mover = clients[moving];
  await mover.moveTo([wifi]);
  await clients[1 - moving].moveTo([home]);
  await Promise.all(clients.map((client, index) => client.open(browsers[index], url)));
  const transfer = await RunningTransfer.start(clients, iceServersOf(4, { stun: true, turn: true }), seconds);
  await change(mover);
  const bytes = await transfer.arrived();
  const took = await transfer.secondsUntil((arrived) => arrived > bytes, LIMIT_SECONDS);
  await transfer.finish();
  assert.ok(took <= CONTINUE_SECONDS, `continued after ${took.toFixed(1)} s`);
}

const pause = (/** @type {number} */ seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** What happens, in words, and how. @type {Record<string, (mover: import('./lab/client.mjs').Client) => Promise<unknown>>} */
const changes = {
  'moves its default route to another network while the old one still works': async (mover) => {
    await mover.join(mobile);
    await mover.prefer(mobile);
  },
  'has a router that forgets all its connections': () => wifi.flush(),
};

const settings = /** @type {Setting[]} */ ([
  { moving: 0, browsers: ['chromium', 'firefox'] },
  { moving: 1, browsers: ['chromium', 'firefox'] },
  { moving: 0, browsers: ['firefox', 'chromium'] },
  { moving: 1, browsers: ['firefox', 'chromium'] },
]);

for (const setting of settings) {
  const who = `the ${setting.moving === 0 ? 'sender' : 'receiver'}, in ${setting.browsers[setting.moving]},`;
  for (const seconds of [0, 2, 20]) {
    test(`${who} goes from Wi-Fi to a mobile network, with ${seconds} s between`, () =>
      continues(setting, async (mover) => {
        await mover.leave(wifi);
        await pause(seconds);
        await mover.join(mobile);
      }, 20 + seconds));
  }
  for (const [what, change] of Object.entries(changes)) test(`${who} ${what}`, () => continues(setting, change));
  // Here, neither of them is the one that moves.
  if (setting.moving === 0) {
    test(`${setting.browsers.join(' and ')} sleep for 30 s`, () => continues(setting, () => Promise.all(clients.map((client) => client.sleep(SLEEP_MS)))));
  }
}
