import { loadCore } from '../wasm/load_session.js';
import type { OpenCore } from './context.js';
import { withEntropy } from './entropy.js';
import { Mailbox } from './mailbox.js';
import type { ToEngine } from './messages.js';

/** How long a lost connection may stay away, ms: a lift, a tunnel, a change of networks. */
const RECONNECT_TIMEOUT_MS = 60_000;
/** How long there may be no lane for bulk, ms: opening one may take several attempts. */
const LANE_TIMEOUT_MS = 30_000;

/**
 * Loads the core and makes a session in it; the copy of the secret in `start` is cleared. `isWanted`: asked when the core is loaded;
 * undefined is returned if the session has ended meanwhile. Errors: rejects where the core cannot be loaded.
 */
export async function openCore({ options: settings, waterMarks }: Extract<ToEngine, { type: 'start' }>, isWanted: () => boolean): Promise<OpenCore | undefined> {
  try {
    const core = await loadCore();
    if (!isWanted()) return undefined;
    const options = { ...settings, reconnectTimeout: RECONNECT_TIMEOUT_MS, laneTimeout: LANE_TIMEOUT_MS };
    const session = withEntropy(core.handshakeEntropyBytes(), (entropy) => new core.Session(entropy, options, performance.now()));
    session.setWaterMarks(waterMarks.high, waterMarks.low);
    return { module: core, session, mailbox: new Mailbox(core, session) };
  } finally {
    settings.secret.fill(0);
  }
}
