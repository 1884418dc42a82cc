// T1, T5: invite links as they arrive, and addresses as people type them.
import { createServer, request as forward, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { Page } from '@playwright/test';
import { connectByCode, expectDone, file, linkOf, newest } from '../support/demo.js';
import { expect, test } from '../support/fixtures.js';
import { startSite } from '../support/site.mjs';

test('T1: chromium>firefox: the sender goes on waiting after a wrong key; damaged links lead to it', async ({ openPage }) => {
  const sender = await openPage('chromium', 'sender', '/');
  await sender.getByTestId('files').setInputFiles([file('kept.bin', 1000)]);
  const link = await linkOf(sender);
  const wrong = await openPage('firefox', 'receiver', link.replace(/key=../, 'key=ab'));
  await expect(wrong.getByTestId('alert')).toContainText('This link has a wrong key, because it was damaged on the way');
  await expect(sender.getByTestId('alert')).toContainText('this page goes on waiting');
  await expect(sender.getByTestId('connection')).toHaveText('Waiting to connect');
  await wrong.close();
  const receiver = await openPage('firefox', 'receiver', `${link.replace('&', '&amp;')}).`);
  await receiver.getByTestId('accept').click();
  await expectDone(sender, receiver);
  await expect(sender.getByTestId('alert')).toBeHidden();
});

test('T1: a "#" that became "%23" leads to the page, which says what the server saw; the address bar shows no key', async ({ openPage, siteUrl }) => {
  const sender = await openPage('chromium', 'sender', '/');
  await sender.getByTestId('files').setInputFiles([file('kept.bin', 1000)]);
  const link = await linkOf(sender);
  for (const damaged of [link.replace('#', '%23'), link.replace('#', '?%23').replace('&', '%26')]) {
    const receiver = await openPage('chromium', 'receiver', damaged);
    await expect(receiver.getByTestId('accept')).toBeVisible();
    await expect(receiver.getByTestId('notice')).toContainText('its key was sent to the server');
    expect(receiver.url().replace(/\?$/, '')).toBe(siteUrl);
    await receiver.close();
  }
});

test('T1: a link that is pasted where a code is asked for is opened, in angle brackets and with its scheme in capitals', async ({ openPage }) => {
  const sender = await openPage('chromium', 'sender', '/');
  await sender.getByTestId('files').setInputFiles([file('kept.bin', 1000)]);
  const link = await linkOf(sender);
  const receiver = await openPage('firefox', 'receiver', '/');
  await connectByCode(receiver, 'https://elsewhere.example/#room=aaaaaaaaaaaaaaaaaaaaaa&key=aaaaaaaaaaaaaaaaaaaaaa');
  await expect(receiver.getByTestId('alert')).toContainText('(other-site)');
  await connectByCode(receiver, ` <${link.replace('http', 'HTTP')}>,`);
  await expect(receiver.getByTestId('accept')).toBeVisible();
});

/** A proxy in front of `target` that asks for a name and a password, and refuses HEAD. */
async function startProxy(target: string): Promise<{ address: URL; heads: () => number; stop: () => Promise<void> }> {
  const { port, hostname } = new URL(target);
  let heads = 0;
  const isKnown = ({ headers }: IncomingMessage): boolean => headers.authorization === `Basic ${btoa('user:pass')}`;
  const server = createServer((request, response) => {
    if (request.method === 'HEAD') {
      heads += 1;
      response.writeHead(405).end();
    } else if (!isKnown(request)) {
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="site"' }).end();
    } else {
      const { method, url, headers } = request;
      const onward = forward({ host: hostname, port, method, path: url, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      onward.on('error', () => response.writeHead(502).end());
      onward.end();
    }
  });
  server.on('upgrade', (request, socket) => {
    const onward = connect(Number(port), hostname, () => {
      const lines = request.rawHeaders.map((text, index) => text + (index % 2 === 0 ? ': ' : '\r\n')).join('');
      onward.write(`${request.method} ${request.url} HTTP/1.1\r\n${lines}\r\n`);
      socket.pipe(onward).pipe(socket);
    });
    for (const end of [socket, onward]) end.on('error', () => [socket, onward].forEach((each) => each.destroy()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = new URL(`http://user:pass@127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  const stop = async (): Promise<void> => {
    // Those of WebSockets, too.
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { address, heads: () => heads, stop };
}

for (const name of ['chromium', 'firefox'] as const) {
  test(`T5: ${name}: a name and a password in the address, and a proxy that answers HEAD with 405 while the server restarts`, async ({ openPage }) => {
    let site = await startSite();
    const proxy = await startProxy(site.url);
    try {
      const open = (side: 'sender' | 'receiver', path: string): Promise<Page> => openPage(name, side, new URL(path, proxy.address).href);
      const sender = await open('sender', '/');
      await sender.getByTestId('files').setInputFiles([file('kept.bin', 1000)]);
      const { hash } = new URL(await linkOf(sender));
      await expect(sender.getByTestId('own-code')).toHaveText(/^\d/);
      await site.stop();
      await expect(sender.getByTestId('alert')).toContainText('(signaling-down)');
      site = await startSite({ env: { PORT: new URL(site.url).port } });
      const receiver = await open('receiver', `/${hash}`);
      await receiver.getByTestId('accept').click();
      await expectDone(sender, receiver);
      expect(proxy.heads()).toBeGreaterThan(0);
      await expect(newest(receiver)).toContainText('kept.bin');
    } finally {
      await proxy.stop();
      await site.stop();
    }
  });
}
