import { MillraceError } from '../api/errors.js';
import type { ConnectOptions } from '../api/options.js';
import type { Peer } from '../api/types.js';
import { orAborted } from '../base/deferred.js';
import { isRecord } from '../base/is_record.js';
import { startEngine } from '../engine/port.js';
import { checkConfiguration } from '../rtc/peer_link.js';
import { burn } from '../secrets/secret.js';
import type { Pairing } from '../signaling/pairing.js';
import { pair } from '../signaling/rendezvous.js';
import { Session } from './session.js';
import { resolveOptions, type Settings } from './settings.js';

/** Time from pairing to the agreement on keys, ms, unless the signalling asks for more. */
const CONNECT_TIMEOUT_MS = 30_000;

/**
 * Finds the other side through the signalling, connects, and agrees on keys. Waits without a limit for the other side to come
 * (`options.signal` ends that). From then on, 30 s must suffice, unless the signalling asks for more.
 * Errors: rejects with 'aborted', 'authentication-failed', 'connection-failed', 'connection-lost' (the other side came and left),
 * 'handshake-failed', 'internal', 'invalid-argument', 'not-supported', 'signaling-failed' or 'timeout'. Nothing is left behind
 * then, and the signalling is closed, as it is when the session ends.
 */
export function connect(options: ConnectOptions): Promise<Peer> {
  return connectSession(options);
}

/** As `connect`, for other folders of the package. */
export async function connectSession(options: ConnectOptions): Promise<Session> {
  let settings: Settings;
  try {
    settings = resolveOptions(options);
    checkConfiguration(settings);
    if (settings.signal?.aborted) throw new MillraceError('aborted');
  } catch (caught) {
    closeUnused(options);
    throw MillraceError.from(caught, 'invalid-argument');
  }
  const { signaling, signal } = settings;

  const attempt = new AbortController();
  const fail = (error: MillraceError): void => attempt.abort(error);
  const onAbort = (): void => fail(new MillraceError('aborted'));
  signal?.addEventListener('abort', onAbort);
  signaling.onerror = (error: unknown) => fail(MillraceError.from(error, 'signaling-failed'));

  const engine = startEngine(settings.worker, attempt.signal);
  // Without an engine there is no need to wait for the other side.
  engine.catch((caught: unknown) => fail(MillraceError.from(caught, 'internal')));
  let pairing: Pairing | undefined;
  let peer: Session | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    pairing = await pair(signaling, attempt.signal);
    timer = setTimeout(() => fail(new MillraceError('timeout', 'the connection did not come up')), signaling.patience ?? CONNECT_TIMEOUT_MS);
    pairing.onbye = () => fail(new MillraceError('connection-lost', 'the other side left'));
    const port = await orAborted(engine, attempt.signal);
    peer = new Session(port, settings, pairing, fail);
    await orAborted(peer.established, attempt.signal);
  } catch (caught) {
    const error = MillraceError.from(caught, 'internal');
    // If it was transferred to the engine's worker, no copy is left here.
    if (settings.secret.bytes.byteLength > 0) settings.secret.bytes.fill(0);
    // Whatever ended the attempt: an attacker learns whether a guess was right before this side does.
    if (peer?.handshakeBegan) burn(settings.secret);
    if (peer) {
      peer.end(error);
      await peer.released;
    } else {
      pairing?.sayBye();
      void engine.then((port) => port.terminate(), () => {});
    }
    pairing?.close();
    signal?.removeEventListener('abort', onAbort);
    closeSignaling(settings);
    throw error;
  } finally {
    clearTimeout(timer);
  }

  signaling.established?.();
  // From now on the signalling may fail: it is needed again only when the connection breaks.
  const session = peer;
  const found = pairing;
  signaling.onerror = null;
  attempt.signal.addEventListener('abort', () => session.end(MillraceError.from(attempt.signal.reason, 'internal')));
  session.addEventListener('statechange', () => {
    if (session.state !== 'closed') return;
    // At once, because a page that connects again needs its place in the room.
    found.close();
    signal?.removeEventListener('abort', onAbort);
    closeSignaling(settings);
  });
  return session;
}

/** A socket that nobody listens to would keep its place in the room. The options were refused, so `signaling` may be anything. */
function closeUnused(options: unknown): void {
  const signaling = isRecord(options) ? options.signaling : undefined;
  if (isRecord(signaling) && typeof signaling.close === 'function') (signaling as { close(): void }).close();
}

function closeSignaling({ signaling }: Settings): void {
  signaling.onmessage = null;
  signaling.onerror = null;
  signaling.close?.();
}
