import { MillraceError, withDetail } from '../api/errors.js';
import type { ConnectOptions } from '../api/options.js';
import type { Peer } from '../api/types.js';
import { orAborted } from '../base/deferred.js';
import { watchWakeEvents } from '../base/wake_events.js';
import { startEngine } from '../engine/port.js';
import { ConfigurationAhead } from '../rtc/configuration_ahead.js';
import { EMPTY_RECORD } from '../rtc/connection_diary.js';
import { diagnose } from '../rtc/diagnose.js';
import { tryConfiguration } from '../rtc/peer_link.js';
import { burn } from '../secrets/secret.js';
import { closeUnused } from '../signaling/close_unused.js';
import type { Pairing } from '../signaling/pairing.js';
import { pair } from '../signaling/rendezvous.js';
import { Session } from './session.js';
import { resolveOptions, type Settings } from './settings.js';
import { SignalingRetries } from './signaling_retries.js';

/** Time from pairing to the agreement on keys, ms, unless the signalling asks for more. */
const CONNECT_TIMEOUT_MS = 30_000;

/**
 * Finds the other side through the signalling, connects, and agrees on keys. Waits without a limit for the other side to come
 * (`options.signal` ends that). From then on, 30 s must suffice, and 12 to 15 s for a path once both descriptions are known, unless
 * the signalling asks for more.
 * Errors: rejects with 'aborted', 'authentication-failed', 'connection-failed', 'connection-lost' (the other side came and left),
 * 'handshake-failed', 'internal', 'invalid-argument', 'not-supported', 'signaling-failed' or 'timeout'. Nothing is left behind
 * then, and the signalling is closed, as it is when the session ends. `MillraceError.detail` says why there is no connection.
 */
export function connect(options: ConnectOptions): Promise<Peer> {
  return connectSession(options);
}

/** Checks options for `connect` that have no signalling and no secret yet. Errors: throws as `connect` rejects. */
export function checkConnectOptions(options: Omit<ConnectOptions, 'signaling' | 'secret' | 'secretKind'>): void {
  checkRtc(options, resolveOptions({ ...options, signaling: { send: () => {}, onmessage: null } }));
}

/** What a function returns is checked when it was asked. */
function checkRtc({ rtc = {} }: Pick<ConnectOptions, 'rtc'>, { Connection }: Settings): void {
  if (typeof rtc !== 'function') tryConfiguration({ rtc, Connection });
}

/** As `connect`, for other folders of the package. */
export async function connectSession(options: ConnectOptions): Promise<Session> {
  let settings: Settings;
  try {
    settings = resolveOptions(options);
    checkRtc(options, settings);
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

  const engine = startEngine(settings, attempt.signal);
  const rtc = new ConfigurationAhead(settings.rtc, settings.privacy);
  rtc.ask();
  // Without an engine there is no need to wait for the other side.
  engine.catch((caught: unknown) => fail(MillraceError.from(caught, 'internal')));
  let pairing: Pairing | undefined;
  let peer: Session | undefined;
  let retries: SignalingRetries | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const unwatch = watchWakeEvents(() => {
    signaling.reopen?.();
    peer?.check();
  });
  try {
    pairing = await pair(signaling, attempt.signal, () => rtc.ask());
    // From now on lost messages are repeated, so a new connection to the room is as good.
    retries = new SignalingRetries(signaling, fail);
    timer = setTimeout(
      () => fail(retries?.failure ?? new MillraceError('timeout', 'the connection did not come up')),
      signaling.patience ?? CONNECT_TIMEOUT_MS,
    );
    pairing.onbye = (failed) => fail(failed ? foundNoPath() : new MillraceError('connection-lost', 'the other side left'));
    const [port, configurations] = await orAborted(Promise.all([engine, rtc.get()]), attempt.signal);
    peer = new Session(port, settings, configurations, pairing, fail);
    await orAborted(peer.established, attempt.signal);
  } catch (caught) {
    const error = explain(MillraceError.from(caught, 'internal'), peer);
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
    unwatch();
    closeSignaling(settings);
    throw error;
  } finally {
    clearTimeout(timer);
    retries?.stop();
  }

  signaling.established?.();
  // From now on the signalling may fail: it is needed again only when the connection breaks.
  const session = peer;
  const found = pairing;
  signaling.onerror = () => session.signalingFailed();
  attempt.signal.addEventListener('abort', () => session.end(MillraceError.from(attempt.signal.reason, 'internal')));
  session.addEventListener('statechange', () => {
    if (session.state !== 'closed') return;
    // At once, because a page that connects again needs its place in the room.
    found.close();
    signal?.removeEventListener('abort', onAbort);
    unwatch();
    closeSignaling(settings);
  });
  return session;
}

/** The other side ended its attempt before this side had begun its own. */
function foundNoPath(): MillraceError {
  const detail = diagnose({ ...EMPTY_RECORD, described: true });
  return new MillraceError('connection-failed', 'the other side gave up: no path was found', { detail });
}

/** Adds a report to an error that the connection, or the signalling before it, has caused. */
function explain(error: MillraceError, session: Session | undefined): MillraceError {
  if (session) return session.explain(error);
  return error.code === 'signaling-failed' ? withDetail(error, diagnose({ ...EMPTY_RECORD, signalingDown: true })) : error;
}

function closeSignaling({ signaling }: Settings): void {
  signaling.onmessage = null;
  signaling.onerror = null;
  signaling.onopen = null;
  signaling.close?.();
}
