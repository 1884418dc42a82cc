// A user of the package, compiled against the declarations in dist/: the public API has to type-check without the sources.
// A test of the mesh runs `talk`.
import { connect, createCode, createLinkKey, defaultIceServers, MillraceError, normalizeCode, sasEmoji } from '../../dist/index.js';
import type { ConnectOptions, MessageData, Offer, Peer, Receipt, Signaling, Sink, Transfer } from '../../dist/index.js';
import type wrappers from 'libsodium-wrappers';
import sodium, { from_hex, type StateAddress } from '../../dist/sodium.js';
import { ChunkSizer, createDataChannel, formatThroughput, LaneSet, QualityMonitor, ready } from '../../dist/parts.js';
import { createMesh, type Mesh, type MeshMessage, type MeshOptions } from '../../dist/mesh.js';
import { broadcastSignaling, webSocketSignaling } from '../../dist/signaling.js';

const own: Signaling = {
  send(message: object): void {
    void message;
  },
  onmessage: null,
};
const rtc = async (): Promise<RTCConfiguration> => {
  const { iceServers } = (await (await fetch('/ice')).json()) as { iceServers: RTCIceServer[] };
  return { iceServers: [...defaultIceServers, ...iceServers] };
};
const options: ConnectOptions = { signaling: own, lanes: { min: 1, max: 1 }, worker: false, rtc, assets: new URL('https://cdn.example/') };
export const withOwnWorker: ConnectOptions = { ...options, worker: true, createWorker: () => new Worker('worker.js', { type: 'module' }) };

export async function send(file: File): Promise<string> {
  const peer: Peer = await connect(options);
  const transfer: Transfer = peer.send(file);
  transfer.addEventListener('progress', () => void (transfer.bytes / (transfer.totalBytes ?? 1)));
  transfer.addEventListener('stats', ({ stats }) => void [stats.bottleneck, stats.waiting?.source, stats.throughputPeak]);
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

export async function chat(peer: Peer, giveUp: AbortSignal): Promise<string> {
  peer.onmessage = ({ data }: MessageEvent<MessageData>): void => void data;
  peer.addEventListener('message', ({ data, type }) => void [data satisfies MessageData, type]);
  peer.onrequest = (data, { signal }) => (signal.aborted ? null : { got: data instanceof ArrayBuffer ? data.byteLength : 'a value' });
  for (const data of ['text', 5, null, [1, { a: true }], new ArrayBuffer(2), new Float32Array(1), new DataView(new ArrayBuffer(1))]) await peer.message(data);
  // @ts-expect-error JSON would make it {}.
  await peer.message(new Map<string, string>());
  // @ts-expect-error JSON has no undefined.
  await peer.message(undefined);
  // @ts-expect-error A handler answers.
  peer.onrequest = () => {};
  for await (const data of peer.messages()) if (typeof data === 'string') return data;
  const answer: MessageData = await peer.request({ question: 1 }, { signal: giveUp, timeoutMs: 1_000 });
  return String(answer);
}

export async function seal(message: string | Uint8Array, key: Uint8Array): Promise<string> {
  await sodium.ready;
  const nonce: Uint8Array = sodium.randombytes_buf(sodium.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
  const sealed: string = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(message, null, null, nonce, key, 'base64');
  const { publicKey, keyType }: { publicKey: Uint8Array; keyType: string } = sodium.crypto_box_keypair();
  const { ciphertext, mac } = sodium.crypto_box_detached(message, nonce, publicKey, key, 'hex');
  const state: StateAddress = sodium.crypto_generichash_init(null, sodium.crypto_generichash_BYTES);
  sodium.crypto_generichash_update(state, from_hex(ciphertext + mac));
  const hash: Uint8Array = sodium.crypto_generichash_final(state, sodium.crypto_generichash_BYTES);
  return [sealed, keyType, sodium.to_base64(hash, sodium.base64_variants.ORIGINAL)].join();
}

export function open(cipher: Uint8Array, header: Uint8Array, key: Uint8Array): string | null {
  const pulled = sodium.crypto_secretstream_xchacha20poly1305_pull(
    sodium.crypto_secretstream_xchacha20poly1305_init_pull(header, key),
    cipher,
    null,
    'text',
  );
  // @ts-expect-error A key is bytes.
  sodium.crypto_sign_detached('message', 5);
  return pulled === false || pulled.tag === sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL ? null : pulled.message;
}

/** What makes a state is left out: here it has no address. `libsodium-wrappers` declares `output_formats` as what it is not. */
type Left = 'output_formats' | `crypto_${'generichash' | 'sign'}_init` | `crypto_secretstream_xchacha20poly1305_init_${'push' | 'pull'}`;
/** Everything else may stand where the other package stood. */
export const swapped: Omit<Pick<typeof wrappers, keyof typeof wrappers & keyof typeof sodium>, Left> = sodium;

export async function stripe(connection: RTCPeerConnection, data: Blob): Promise<string> {
  await ready;
  const sizer = new ChunkSizer({ profile: 'auto', onUpdate: ({ chunkSize }) => void chunkSize });
  const lanes = LaneSet.open(connection, { lanes: 4, chunkSize: sizer.chunkSize, preset: 'prescribed' });
  lanes.addEventListener('chunk', ({ index, lane }) => void (index + lane));
  const monitor = new QualityMonitor(connection, { exchange: createDataChannel(connection, { delivery: 'ordered', prefix: 'monitor' }) });
  await lanes.ready;
  const { bytes, durationMs } = await lanes.send(data);
  const text = `${formatThroughput((bytes * 1000) / durationMs)}, quality ${monitor.quality ?? 'unknown'}`;
  monitor.stop();
  lanes.close();
  return text;
}

/** Says something to all agents and to one, and sends that one a file, once it is there. */
export async function talk(options: MeshOptions, other: string, file: File): Promise<number> {
  const mesh: Mesh = await createMesh({ topology: 'auto', bandwidth: { predictive: true }, log: ({ event }) => void event, ...options });
  mesh.onmessage = ({ source, payload }: MeshMessage) => void [source, payload];
  mesh.addEventListener('refused', ({ agent, error }) => void [agent, error.code]);
  if (!mesh.agents.includes(other)) {
    await new Promise<void>((resolve) => mesh.addEventListener('joined', ({ agent }) => agent === other && resolve()));
  }
  await mesh.broadcast({ hello: [1, 'two', null] }, { level: 'high' });
  await (await mesh.sendFiles(other, file)).done;
  const { sequence } = await mesh.send(other, new Uint8Array(3));
  const { messagesSent } = mesh.bandwidthStats;
  await mesh.close();
  return sequence + messagesSent;
}
