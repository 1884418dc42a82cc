// The site's page over every way that brings two sides together: a server that is restarted, two servers with a broker, a TURN server.
import { randomBytes } from 'node:crypto';
import { startCoturn, startMosquitto } from '../tests/node/support/daemon.mjs';
import { codeOf, expectDone, file, fileOnDisk, linkOf, newest, relayOnly } from './support/demo.js';
import { expect, test } from './support/fixtures.js';
import { startSite } from './support/site.mjs';

test('the signalling server starts again while a page waits and in mid-transfer, and neither minds', async ({ openPage }) => {
  let site = await startSite();
  const port = new URL(site.url).port;
  try {
    const sender = await openPage('chromium', 'sender', site.url);
    await sender.getByTestId('files').setInputFiles(await fileOnDisk('long.bin', 30_000_000));
    const link = await linkOf(sender);
    // All that the page needs is there.
    await codeOf(sender);
    await sender.waitForLoadState('networkidle');
    await site.stop();
    await expect(sender.getByTestId('alert')).toContainText('Check the network, and try again. Trying again… (signaling-down)');
    site = await startSite({ env: { PORT: port } });
    const receiver = await openPage('firefox', 'receiver', link);
    await receiver.getByTestId('accept').click();
    await expect(sender.getByTestId('alert')).toBeHidden();
    await expect(newest(receiver).getByTestId('percent')).toHaveText(/^[1-9]\d? %$/);
    await site.stop();
    await expectDone(sender, receiver);
    site = await startSite({ env: { PORT: port } });
    await receiver.getByTestId('files').setInputFiles([file('back.bin', 1000)]);
    await sender.getByTestId('accept').click();
    await expectDone(receiver, sender);
  } finally {
    await site.stop();
  }
});

test('a page at one server meets a page at another one, over an MQTT broker', async ({ openPage, complaints }) => {
  const broker = await startMosquitto();
  const sites = await Promise.all([0, 1].map(() => startSite({ env: { MQTT_URL: broker.url } })));
  try {
    const sender = await openPage('chromium', 'sender', sites[0]!.url);
    await sender.getByTestId('files').setInputFiles([file('over-mqtt.bin', 300_000)]);
    const receiver = await openPage('firefox', 'receiver', new URL(new URL(await linkOf(sender)).hash, sites[1]!.url).href);
    await receiver.getByTestId('accept').click();
    await expectDone(sender, receiver);
    expect(complaints).toEqual([]);
  } finally {
    await Promise.all(sites.map((site) => site.stop()));
    await broker.stop();
  }
});

test('a page that may only use the TURN server of its site sends through it', async ({ openPage, complaints }) => {
  const secret = randomBytes(16).toString('hex');
  const coturn = await startCoturn(secret);
  const site = await startSite({ env: { TURN_URLS: coturn.url, TURN_SECRET: secret } });
  try {
    const sender = await openPage('chromium', 'sender', site.url, { before: relayOnly });
    await sender.getByTestId('files').setInputFiles([file('relayed.bin', 300_000)]);
    const receiver = await openPage('chromium', 'receiver', await linkOf(sender), { before: relayOnly });
    await receiver.getByTestId('accept').click();
    await expectDone(sender, receiver);
    expect(complaints).toEqual([]);
  } finally {
    await site.stop();
    await coturn.stop();
  }
});
