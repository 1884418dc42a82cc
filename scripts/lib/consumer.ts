// A user of the package, compiled against the declarations in dist/ and never run: what api.md promises has to type-check
// as it is written there, without the sources.
import { connect, createCode, createLinkKey, MillraceError, normalizeCode, sasEmoji } from '../../dist/index.js';
import type { ConnectOptions, Offer, Peer, Receipt, Signaling, Sink, Transfer } from '../../dist/index.js';
import { broadcastSignaling, webSocketSignaling } from '../../dist/signaling/index.js';

const own: Signaling = {
  send(message: object): void {
    void message;
  },
  onmessage: null,
};
const options: ConnectOptions = { signaling: own, lanes: { min: 1, max: 1 }, worker: false };

export async function send(file: File): Promise<string> {
  const peer: Peer = await connect(options);
  const transfer: Transfer = peer.send(file);
  transfer.addEventListener('progress', () => void (transfer.bytes / (transfer.totalBytes ?? 1)));
  try {
    const receipt: Receipt = await transfer.done;
    return receipt.files.map((sent) => `${sent.name} ${sent.size} ${sent.root}`).join();
  } catch (error) {
    return error instanceof MillraceError ? error.code : String(error);
  } finally {
    await peer.close();
  }
}

export async function compare(signaling: Signaling, aloud: boolean): Promise<string> {
  const secret: string = aloud ? normalizeCode(await createCode()) : createLinkKey(128);
  const peer = await connect({ signaling, secret, secretKind: aloud ? 'code' : 'key', privacy: false, encryption: true });
  if (!peer.verified) peer.verify();
  return peer.encrypted ? peer.sas.map((name) => sasEmoji[name]).join(' ') : '';
}

export async function receive(room: string, sink: Sink): Promise<void> {
  const peer = await connect({ signaling: room.startsWith('ws') ? webSocketSignaling(room) : broadcastSignaling(room) });
  peer.onincoming = (offer: Offer): void => {
    if ((offer.totalBytes ?? 0) > 1e9) offer.reject('too large');
    else void offer.accept({ sink }).done.then((receipt) => receipt.files[0]?.blob?.size);
  };
}
