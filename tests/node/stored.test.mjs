// Sessions of the built package with a private file system in memory: what is stored is listed, and the browser is asked to keep it.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { closeAll, connectedPair, next } from './support/session_pair.mjs';
import { FakeDisk, installNavigator } from './support/file_system.mjs';

const disk = new FakeDisk();
installNavigator(disk);
let asked = 0;
navigator.storage.persist = async () => {
  asked += 1;
  throw new DOMException('not in a private window', 'TypeError');
};
const { listStored } = await import(new URL('../../dist/millrace.js', import.meta.url).href);
let peers = [];
after(() => closeAll(peers));

test('the browser is asked once to keep what is stored, when there is something; it is listed and can be removed', async () => {
  peers = await connectedPair();
  const [a, b] = peers;
  const receive = async (sink) => {
    const coming = next(b, 'incoming');
    const bytes = randomBytes(50_000);
    const transfer = a.send(bytes, { name: 'a.bin' });
    const { offer } = await coming;
    assert.equal(asked, disk.paths().length === 0 ? 0 : 1);
    const receipt = await offer.accept({ sink }).done;
    await transfer.done;
    return { bytes, receipt };
  };
  await receive('memory');
  assert.equal(asked, 0);
  const stored = [await receive('opfs'), await receive('opfs')];
  assert.equal(asked, 1);
  const listed = await listStored();
  assert.deepEqual(listed.map(({ folder }) => folder).sort(), stored.map(({ receipt }) => receipt.folder).sort());
  for (const { bytes, receipt } of stored) {
    const { state, files, remove } = listed.find(({ folder }) => folder === receipt.folder);
    assert.deepEqual([state, files.length, files[0].name, files[0].bytes], ['finished', 1, 'a.bin', 50_000]);
    assert.deepEqual(Buffer.from(await files[0].blob.arrayBuffer()), bytes);
    await remove();
  }
  assert.deepEqual([await listStored(), disk.paths()], [[], []]);
});
