import type { EnginePort } from '../engine/port.js';
import type { Settings } from './settings.js';

/** Tells the engine what the session is to be like. The secret of `settings` is transferred: no copy of it stays in the window. */
export function startSession(port: EnginePort, settings: Settings): void {
  const { kind, bytes } = settings.secret;
  const options = {
    leastLanes: settings.minLanes,
    mostLanes: settings.maxLanes,
    mostBytesPerSecond: settings.bandwidthLimit,
    background: settings.background,
    profile: settings.profile,
    mode: settings.mode,
    ladder: settings.ladder,
    scheduler: settings.scheduler,
    chunkSize: settings.chunkSize,
    secretKind: kind,
    secret: bytes,
    encryption: settings.encryption,
    privacy: settings.privacy,
    trace: settings.log,
  };
  port.post({ type: 'start', options, waterMarks: settings.waterMarks }, [bytes.buffer]);
}
