import type { Profile } from '../api/profile.js';
import { checkOptions, flag, number, type OptionsOf } from '../api/shape.js';
import { isCellular } from '../rtc/cellular.js';
import { isHostPair, readConnection } from '../rtc/connection_stats.js';
import { core, ready } from '../wasm/parts.js';
import { connectionShape } from './check.js';

/** The properties of a connection's path. */
export interface LanDetection {
  /** Whether both ends are host candidates and the round trip is below 10 ms. */
  readonly lan: boolean;
  /** Whether both ends are host candidates: no address translation is in between. */
  readonly hostPair: boolean;
  /** ms; undefined where the browser does not tell. */
  readonly rtt: number | undefined;
  /** The profile that fits the path. */
  readonly profile: Exclude<Profile, 'auto'>;
}

const shapes = {
  /** A measured round trip, ms, instead of the browser's. */
  rtt: number({ least: 0 }),
  /** Whether the device is on a mobile network; default: what the browser says. */
  cellular: flag(),
};

/** Values that the application knows better than the browser. */
export interface DetectLanOptions extends OptionsOf<typeof shapes> {}

/**
 * Examines the path of a connection that is up; undefined while it has none. Errors: rejects with 'invalid-argument', and as `ready`.
 */
export async function detectLan(connection: RTCPeerConnection, given: DetectLanOptions = {}): Promise<LanDetection | undefined> {
  const options = checkOptions(given, shapes);
  const [stats] = await Promise.all([readConnection(connectionShape.check(connection, 'connection')), ready]);
  if (!stats) return undefined;
  const hostPair = isHostPair(stats);
  const rtt = options.rtt ?? stats.rtt;
  const cellular = options.cellular ?? isCellular();
  const profile = core().detectProfile({ hostPair: hostPair && rtt !== undefined, cellular, ...(rtt === undefined ? {} : { rtt }) });
  return { lan: rtt !== undefined && core().isLan(hostPair, rtt), hostPair, rtt, profile: profile as LanDetection['profile'] };
}
