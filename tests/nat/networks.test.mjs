// The networks of the laboratory do what their names say, seen with plain sockets.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { servers } from './lab/addresses.mjs';
import { inside, run } from './lab/command.mjs';
import { kinds } from './lab/kinds.mjs';
import { Lab } from './lab/lab.mjs';

/** Far longer than a packet takes here, ms. */
const ARRIVAL_MS = 100;
const PORT = 5000;
/** Sockets on the internet: the client sends to the first two, and the third one is a stranger to it. */
const reflectors = { first: servers.turn, second: servers.site, stranger: servers.stun };

/** @type {Lab} */
let lab;
/** @type {import('./lab/helper.mjs').Helper} */
let internet;

before(async () => {
  lab = await Lab.create();
  internet = lab.startHelper(lab.internetNamespace, 'probe.mjs');
  for (const [name, { four, six }] of Object.entries(reflectors)) {
    await internet.call('bind', `${name}4`, four, PORT);
    await internet.call('bind', `${name}6`, six, PORT);
  }
});
after(() => lab?.close());

const settled = () => new Promise((resolve) => setTimeout(resolve, ARRIVAL_MS));

/** The public address of the client's socket `own`, as the reflector sees it. @param {import('./lab/helper.mjs').Helper} probe */
async function mappingAt(probe, /** @type {string} */ reflector, /** @type {4 | 6} */ family) {
  const { four, six } = reflectors[/** @type {keyof typeof reflectors} */ (reflector)];
  await probe.call('send', 'own', family === 6 ? six : four, PORT, 'hello');
  await settled();
  return (await internet.call('take', `${reflector}${family}`))[0];
}

/** @param {import('./lab/client.mjs').Client} client @param {number} port */
const reachesTcp = (client, port) =>
  run('ip', inside(client.namespace, ['timeout', '1', 'bash', '-c', `exec 3<> /dev/tcp/${servers.turn.four}/${port}`])).then(() => true, (error) => {
    // Nobody listens there: the refusal shows that the packet arrived.
    return /refused/i.test(error.message);
  });

for (const [name, { shared, family, udp, tcp, mapping, filtering, words }] of Object.entries(kinds)) {
  if (shared) continue;
  test(`${name}: ${words}`, async () => {
    const client = await lab.addClient(await lab.addNetworksOf(name));
    const probe = lab.startHelper(client.namespace, 'probe.mjs');
    await probe.call('bind', 'own', family === 6 ? '::' : '0.0.0.0');
    const first = await mappingAt(probe, 'first', family);
    assert.equal(first !== undefined, udp, 'UDP gets out');
    if (first !== undefined) {
      const second = await mappingAt(probe, 'second', family);
      assert.equal(second.port === first.port ? 'independent' : 'dependent', mapping);
      await internet.call('send', `first${family}`, first.address, first.port, 'answer');
      await internet.call('send', `stranger${family}`, first.address, first.port, 'stranger');
      await settled();
      const received = (await probe.call('take', 'own')).map((/** @type {{ text: string }} */ { text }) => text);
      assert.deepEqual(received, filtering === 'none' ? ['answer', 'stranger'] : ['answer']);
    }
    if (family === 4) {
      assert.equal(await reachesTcp(client, 443), true, 'TCP to port 443');
      assert.equal(await reachesTcp(client, 3478), tcp === 'any', 'TCP to port 3478');
    }
    await client.close();
  });
}

test('a stranger that sends first does not spoil the mapping that the client makes later', async () => {
  const client = await lab.addClient(await lab.addNetworksOf('port-restricted'));
  const probe = lab.startHelper(client.namespace, 'probe.mjs');
  await probe.call('bind', 'own', '0.0.0.0', 6000);
  const { address, port } = await mappingAt(probe, 'first', 4);
  await internet.call('send', 'stranger4', address, port, 'too early');
  await settled();
  assert.deepEqual(await probe.call('take', 'own'), []);
  const later = await mappingAt(probe, 'stranger', 4);
  assert.deepEqual([later.address, later.port], [address, port]);
  await internet.call('send', 'stranger4', address, port, 'in time');
  await settled();
  assert.deepEqual((await probe.call('take', 'own')).map((/** @type {{ text: string }} */ { text }) => text), ['in time']);
  await client.close();
});

for (const [name, isolated] of /** @type {const} */ ([['same-nat', false], ['same-nat-isolated', true]])) {
  test(`${name}: the clients ${isolated ? 'do not ' : ''}reach each other`, async () => {
    const networks = await lab.addNetworksOf(name);
    const [a, b] = [await lab.addClient(networks), await lab.addClient(networks)];
    const [one, other] = [a, b].map((client) => lab.startHelper(client.namespace, 'probe.mjs'));
    await one.call('bind', 'own', '0.0.0.0', 6000);
    await other.call('bind', 'own', '0.0.0.0', 6000);
    await one.call('send', 'own', '192.168.1.3', 6000, 'hello');
    await settled();
    assert.equal((await other.call('take', 'own')).length, isolated ? 0 : 1);
    const [first, second] = [await mappingAt(one, 'first', 4), await mappingAt(other, 'first', 4)];
    assert.equal(first.address, second.address, 'both have the address of the router');
    // Home routers that do send packets back in would make a path of this.
    await one.call('send', 'own', second.address, second.port, 'back in');
    await settled();
    assert.deepEqual((await other.call('take', 'own')).filter((/** @type {{ text: string }} */ { text }) => text === 'back in'), []);
    for (const client of [a, b]) await client.close();
  });
}

test('the hardware addresses of the internet and of a local network stay the same while clients come and go', async () => {
  const networks = [...(await lab.addNetworksOf('port-restricted')), ...(await lab.addNetworksOf('open'))];
  const stays = await lab.addClient(networks);
  const gateways = ['192.168.1.1', '203.0.113.1'];
  const known = async () => {
    await run('ip', inside(stays.namespace, ['ip', 'neigh', 'flush', 'all']));
    for (const gateway of gateways) await run('ip', inside(stays.namespace, ['bash', '-c', `echo > /dev/udp/${gateway}/9`]));
    await settled();
    const shown = await run('ip', ['-n', stays.namespace, 'neigh']);
    return gateways.map((gateway) => new RegExp(`^${gateway.replaceAll('.', '\\.')} .*lladdr (\\S+)`, 'm').exec(shown)?.[1]);
  };
  const before = await known();
  assert.ok(!before.includes(undefined));
  // A bridge without an address of its own takes the lowest one of its ports: one of some is lower than that of the first.
  for (let count = 0; count < 12; count += 1) await lab.addClient(networks);
  assert.deepEqual(await known(), before);
});
