import type { CoreModule, CoreSession } from '../wasm/session.js';
import type { LogFields } from './event_log.js';
import type { Mailbox } from './mailbox.js';
import type { FromEngine } from './messages.js';

/** The core's session and its memory. */
export interface OpenCore {
  readonly module: CoreModule;
  readonly session: CoreSession;
  readonly mailbox: Mailbox;
}

/** The engine as its parts see it. */
export interface EngineContext {
  post(message: FromEngine): void;
  /** Undefined before the core has loaded and after the session has ended. */
  core(): OpenCore | undefined;
  /** Hands over an event and runs the turn that follows. An exception ends the session. No effect once the session has ended. */
  run(event?: () => void): void;
  /** Adds a line to the log, if the page asked for one. */
  note(type: string, fields: LogFields): void;
}
