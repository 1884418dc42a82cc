import type { Profile } from '../api/profile.js';
import { isCellular } from '../rtc/cellular.js';
import { readConnection } from '../rtc/connection_stats.js';
import { core } from '../wasm/parts.js';

/** What a connection's path is like. */
export interface LanDetection {
  /** Both ends are host candidates, and the round trip is below 10 ms. */
  readonly lan: boolean;
  /** Both ends are host candidates: no address translation is in between. */
  readonly hostPair: boolean;
  /** ms; undefined where the browser does not tell. */
  readonly rtt: number | undefined;
  /** What the path looks like. */
  readonly profile: Exclude<Profile, 'auto'>;
}

/** What is known better than the browser tells. */
export interface DetectLanOptions {
  /** A round trip that was measured, ms, instead of the browser's. */
  rtt?: number;
  /** Whether the device is on a mobile network; default: what the browser says. */
  cellular?: boolean;
}

/** Looks at a connection that is up; undefined while it has no path. */
export async function detectLan(connection: RTCPeerConnection, options: DetectLanOptions = {}): Promise<LanDetection | undefined> {
  const stats = await readConnection(connection);
  if (!stats) return undefined;
  const { hostPair } = stats;
  const rtt = options.rtt ?? stats.rtt;
  const cellular = options.cellular ?? isCellular();
  const profile = core.detectProfile({ hostPair: hostPair && rtt !== undefined, cellular, ...(rtt === undefined ? {} : { rtt }) });
  return { lan: rtt !== undefined && core.isLan(hostPair, rtt), hostPair, rtt, profile: profile as LanDetection['profile'] };
}
