// What a page of somebody else's does with the installed package: two sides in one page, and a file between them.
import { connect, createLinkKey } from 'millrace';
import { broadcastSignaling } from 'millrace/signaling';

async function transfer() {
  const secret = createLinkKey();
  const room = crypto.randomUUID();
  const [sender, receiver] = await Promise.all([0, 1].map(() => connect({ signaling: broadcastSignaling(room), secret, rtc: { iceServers: [] }, ...globalThis.options })));
  let logged;
  sender.addEventListener('log', ({ level, message }) => (logged ??= `${level}: ${message}`));
  const received = new Promise((resolve) => {
    receiver.onincoming = (offer) => resolve(offer.accept({ sink: 'memory' }).done);
  });
  const bytes = new Uint8Array(1_000_000).fill(7);
  const { files } = await sender.send(bytes, { name: 'sevens.bin' }).done;
  const [file] = (await received).files;
  const arrived = new Uint8Array(await file.blob.arrayBuffer());
  const same = arrived.length === bytes.length && arrived.every((byte) => byte === 7) && file.root === files[0].root;
  const { worker, workerFallback: fallback } = sender.stats();
  await Promise.all([sender.close(), receiver.close()]);
  return { same, worker, fallback, name: file.name, ...(worker ? {} : { logged }) };
}

transfer().then(
  (result) => (globalThis.result = result),
  (error) => (globalThis.result = { error: String(error) }),
);
