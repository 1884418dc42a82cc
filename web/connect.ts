import { orAborted } from './deferred.js';
import { startEngine, type EnginePort } from './engine/port.js';
import { MillraceError } from './errors.js';
import { Link } from './link.js';
import { resolveOptions, type ConnectOptions, type Settings } from './options.js';
import { PeerImpl } from './peer.js';
import { pair, type Pairing } from './signaling/rendezvous.js';
import type { Peer } from './types.js';

/** From the moment that the two sides know of each other, ms. */
const CONNECT_TIMEOUT_MS = 30_000;

/**
 * Finds the other side through the signalling, connects, and agrees on keys. Waits without a limit for the other side to
 * come (`options.signal` ends that); once it is there, 30 s must do.
 * Errors: rejects with 'aborted', 'connection-failed', 'handshake-failed', 'internal', 'invalid-argument', 'not-supported',
 * 'signaling-failed' or 'timeout', and nothing is left behind. The signalling is closed then, as it is when the session ends.
 */
export async function connect(options: ConnectOptions): Promise<Peer> {
  let settings: Settings;
  try {
    settings = resolveOptions(options);
    if (settings.signal?.aborted) throw new MillraceError('aborted');
  } catch (caught) {
    // A socket that nobody listens to would keep its place in the room.
    options.signaling?.close?.();
    throw caught;
  }
  const { signaling, signal } = settings;

  const attempt = new AbortController();
  const fail = (error: MillraceError): void => attempt.abort(error);
  const onAbort = (): void => fail(new MillraceError('aborted'));
  signal?.addEventListener('abort', onAbort);
  signaling.onerror = (error: unknown) => fail(MillraceError.from(error, 'signaling-failed'));

  const engine = startEngine(settings.worker, attempt.signal);
  // Without an engine nobody needs to be waited for.
  engine.catch((caught: unknown) => fail(MillraceError.from(caught, 'internal')));
  let pairing: Pairing | undefined;
  let peer: PeerImpl | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    pairing = await pair(signaling, attempt.signal);
    timer = setTimeout(() => fail(new MillraceError('timeout', 'the connection did not come up')), CONNECT_TIMEOUT_MS);
    pairing.onbye = () => fail(new MillraceError('connection-failed', 'the other side left'));
    const port = await orAborted(engine, attempt.signal);
    peer = new PeerImpl(port, settings);
    peer.setControl(openControl(settings, pairing, port, peer, fail));
    await orAborted(peer.established, attempt.signal);
  } catch (caught) {
    const error = MillraceError.from(caught, 'internal');
    pairing?.leave();
    if (peer) {
      peer.end(error);
      await peer.released;
    } else {
      void engine.then((port) => port.terminate(), () => {});
    }
    signal?.removeEventListener('abort', onAbort);
    closeSignaling(settings);
    throw error;
  } finally {
    clearTimeout(timer);
  }

  // From here on the signalling may fail without harm: everything goes through the session.
  const session = peer;
  const found = pairing;
  signaling.onerror = null;
  found.onbye = null;
  attempt.signal.addEventListener('abort', () => session.end(MillraceError.from(attempt.signal.reason, 'internal')));
  void session.released.then(() => {
    found.close();
    signal?.removeEventListener('abort', onAbort);
    closeSignaling(settings);
  });
  return session;
}

function openControl(
  settings: Settings,
  pairing: Pairing,
  port: EnginePort,
  peer: PeerImpl,
  fail: (error: MillraceError) => void,
): Link {
  const link = new Link({
    rtc: settings.rtc,
    label: 'millrace-control',
    ordered: true,
    initiator: pairing.initiator,
    send: (message) => pairing.send(message),
    attach: (channel) =>
      port.post({ type: 'addLane', lane: 0, channel }, [channel as unknown as Transferable]),
    onnegotiated: (maxMessageSize) => port.post({ type: 'laneLimit', lane: 0, maxMessageSize }),
    onlost: (error) => {
      if (peer.state === 'connecting') fail(error);
      else peer.end(new MillraceError('connection-lost', error.message));
    },
  });
  pairing.onmessage = (message) => link.handle(message);
  return link;
}

function closeSignaling({ signaling }: Settings): void {
  signaling.onmessage = null;
  signaling.onerror = null;
  signaling.close?.();
}
