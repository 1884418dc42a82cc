// Two sessions of the built package over real connections. The way to the room dies without a word, or the server starts again, at
// every stage. The ways are the real server and a real broker.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, describe, test } from 'node:test';
import WebSocket from 'ws';
import { importTypeScript } from './support/bundle.mjs';
import { startMosquitto } from './support/daemon.mjs';
import { startRelay } from './support/relay.mjs';
import { closeAll, connect, next } from './support/session_pair.mjs';
import { startSite, until } from './support/site.mjs';
import { RTCPeerConnection } from './support/web_rtc.mjs';

// Node.js 20 has no WebSocket of its own; this one has the browser's interface.
globalThis.WebSocket ??= WebSocket;
const { mqttSignaling, webSocketSignaling } = await importTypeScript('tests/node/support/signaling_entry.ts');

const kinds = [
  {
    name: 'webSocketSignaling',
    join: (port, room) => webSocketSignaling(`ws://127.0.0.1:${port}/signal?room=${room}`),
    async start(before) {
      const site = await startSite({ dist: '/nowhere', host: '127.0.0.1', port: before?.port ?? 0 });
      return { port: Number(new URL(site.url).port), stop: () => site.close() };
    },
  },
  {
    name: 'mqttSignaling',
    join: (port, room) => mqttSignaling(`ws://127.0.0.1:${port}`, room),
    async start(before) {
      const broker = await startMosquitto(before && { ports: before.ports });
      return { ...broker, port: broker.ports[1] };
    },
  },
];

/** A way that nobody needs is found dead after this time, ms. One that is needed is found sooner. */
const HEARTBEAT_MS = 20_000;

const peers = [];
after(() => closeAll(peers));

/** A server, and two pages with a relay each. `onsay`: called with each message before it is sent. */
class Stage {
  static async set(kind) {
    const stage = new Stage();
    stage.kind = kind;
    stage.room = randomBytes(16).toString('base64url');
    stage.server = await kind.start();
    stage.relays = [await startRelay(stage.server.port), await startRelay(stage.server.port)];
    return stage;
  }

  onsay = () => {};
  pages = [];

  enter(index) {
    const signaling = this.kind.join(this.relays[index].port, this.room);
    const page = { signaling, connections: [], opened: 0 };
    this.pages[index] = page;
    const { send } = signaling;
    signaling.send = (message) => {
      this.onsay(message, index);
      send.call(signaling, message);
    };
    class Connection extends RTCPeerConnection {
      constructor(...args) {
        super(...args);
        page.connections.push(this);
      }
    }
    page.connecting = connect({ signaling, RTCPeerConnection: Connection, rtc: { iceServers: [] }, lanes: { max: 1 }, bandwidthLimit: 1_000_000 });
    page.connecting.then((peer) => peers.push(peer), () => {});
    return page.connecting;
  }

  /** The same as a page does it that tries again when the server goes. */
  async enterAgain(index) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.enter(index);
      } catch (error) {
        if (attempt === 20 || !['signaling-failed', 'connection-lost'].includes(error.code)) throw error;
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
  }

  /** Calls `action` with the index of the page that is about to send the first such message. */
  when(message, action) {
    let done = false;
    this.onsay = (said, index) => {
      if (done || !Object.entries(message).every(([name, value]) => said[name] === value)) return;
      done = true;
      action(index);
    };
    return () => done;
  }

  /** At both ends at once, as where a network goes away. */
  breakConnections() {
    for (const connection of this.pages.flatMap(({ connections }) => connections)) connection.close();
  }

  async restart() {
    await this.server.stop();
    this.server = await this.kind.start(this.server);
  }

  async end() {
    await Promise.all(this.pages.map(({ connecting }) => connecting.then((peer) => peer.close(), () => {})));
    await Promise.all(this.relays.map((relay) => relay.stop()));
    await this.server.stop();
  }
}

/** Sends a file from one to the other; `during` runs in the middle of it. */
async function expectTransfer([a, b], during = () => {}) {
  const bytes = randomBytes(1_500_000);
  const coming = next(b, 'incoming');
  const sending = a.send(bytes);
  const receiving = (await coming).offer.accept({ sink: 'memory' });
  while (receiving.bytes < 200_000 && receiving.state !== 'failed') await new Promise((resolve) => setTimeout(resolve, 20));
  await during();
  const [sent, received] = await Promise.all([sending.done, receiving.done]);
  assert.equal(sent.files[0].root, received.files[0].root);
  assert.ok(Buffer.from(await received.files[0].blob.arrayBuffer()).equals(bytes));
}

const firstMessages = {
  'the question': { type: 'pair' },
  'the consent': { type: 'paired' },
  'the offer': { type: 'description', kind: 'offer', link: 0 },
  'the answer': { type: 'description', kind: 'answer', link: 0 },
  'the first candidate': { type: 'candidate', link: 0 },
};
const repairs = {
  'the offer of a repair': { type: 'description', kind: 'offer', link: 1 },
  'the answer of a repair': { type: 'description', kind: 'answer', link: 1 },
};
/** Whose way dies, so that a message is lost on its way out or on its way in. */
const ends = { sender: (index) => index, receiver: (index) => 1 - index };

for (const kind of kinds) {
  describe(kind.name, { concurrency: 4, timeout: 300_000 }, () => {
    test('the way of a side that waits dies: it meets the other side within 30 s', async () => {
      const stage = await Stage.set(kind);
      const first = stage.enter(0);
      await until(() => stage.pages[0].signaling.onopen !== null);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      stage.relays[0].freeze();
      const began = performance.now();
      const sessions = await Promise.all([first, stage.enter(1)]);
      assert.ok(performance.now() - began < 30_000);
      assert.equal(stage.relays[0].frozen, 1);
      await expectTransfer(sessions);
      await stage.end();
    });

    for (const [name, message] of Object.entries(firstMessages)) {
      for (const [end, choose] of Object.entries(ends)) {
        test(`the way of the ${end} dies with ${name}: the session comes up`, async () => {
          const stage = await Stage.set(kind);
          const happened = stage.when(message, (index) => stage.relays[choose(index)].freeze());
          const began = performance.now();
          const sessions = await Promise.all([stage.enter(0), stage.enter(1)]);
          assert.ok(happened());
          // A side that has heard of nobody yet does not need its way.
          const mayWait = end === 'receiver' && message.type === 'pair';
          assert.ok(performance.now() - began < (mayWait ? 30_000 : HEARTBEAT_MS));
          assert.equal(stage.relays[0].frozen + stage.relays[1].frozen, 1);
          await expectTransfer(sessions);
          await stage.end();
        });
      }
    }

    test('both ways die while the sides are connected, and then the connections: the transfer goes on', async () => {
      const stage = await Stage.set(kind);
      const sessions = await Promise.all([stage.enter(0), stage.enter(1)]);
      const began = performance.now();
      await expectTransfer(sessions, () => {
        for (const relay of stage.relays) relay.freeze();
        stage.breakConnections();
      });
      assert.ok(performance.now() - began < HEARTBEAT_MS);
      await stage.end();
    });

    for (const [name, message] of Object.entries(repairs)) {
      for (const [end, choose] of Object.entries(ends)) {
        test(`the way of the ${end} dies with ${name}: the transfer goes on`, async () => {
          const stage = await Stage.set(kind);
          const sessions = await Promise.all([stage.enter(0), stage.enter(1)]);
          const happened = stage.when(message, (index) => stage.relays[choose(index)].freeze());
          await expectTransfer(sessions, () => {
            stage.breakConnections();
          });
          assert.ok(happened());
          await stage.end();
        });
      }
    }

    for (const [name, message] of Object.entries({ 'the greeting': { type: 'hello' }, ...firstMessages, ...repairs })) {
      // The offer follows the agreement at once, so that the other side may not have heard either.
      const pairing = message.link === undefined || (message.link === 0 && message.kind !== 'answer');
      test(`the server starts again with ${name}: ${pairing ? 'the next attempt' : 'the session'} works`, async () => {
        const stage = await Stage.set(kind);
        let restarting;
        const happened = stage.when(message, () => (restarting = stage.restart()));
        const sessions = await Promise.all([0, 1].map((index) => (pairing ? stage.enterAgain(index) : stage.enter(index))));
        await expectTransfer(sessions, () => {
          if (message.link === 1) stage.breakConnections();
        });
        assert.ok(happened());
        await restarting;
        await stage.end();
      });
    }
  });
}
