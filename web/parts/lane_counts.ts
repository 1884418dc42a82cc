import type { StripeLane } from '../wasm/parts.js';
import type { LaneChannel } from './lane_channels.js';
import type { LaneState, LaneTotals } from './lane_set_types.js';

/** Of a lane that has not opened. */
const NOTHING_COUNTED = {
  bytesSent: 0,
  bytesReceived: 0,
  chunksSent: 0,
  chunksReceived: 0,
  bufferedAmount: 0,
  bufferLevel: 0,
  paused: false,
  stalled: false,
  rtt: undefined,
};

/** What the lanes of a set have carried. Those that are gone still count, so that totals never fall. */
export class LaneCounts {
  #gone: LaneTotals = { bytesSent: 0, bytesReceived: 0, chunksSent: 0, chunksReceived: 0 };
  /** Lanes that are gone, until their channels have closed. */
  readonly #closing = new Map<LaneChannel, StripeLane>();

  /** The lane is gone. `last`: its last counts; undefined where it never opened. */
  leave(lane: LaneChannel, last: StripeLane | undefined): void {
    if (last) this.#gone = this.totals([last]);
    this.#closing.set(lane, last ?? { ...NOTHING_COUNTED, lane: lane.number });
  }

  /** Of all lanes so far. `known`: the current counts of those that are open. */
  totals(known: readonly StripeLane[]): LaneTotals {
    const sum = (name: keyof LaneTotals): number => known.reduce((total, lane) => total + lane[name], this.#gone[name]);
    return { bytesSent: sum('bytesSent'), bytesReceived: sum('bytesReceived'), chunksSent: sum('chunksSent'), chunksReceived: sum('chunksReceived') };
  }

  /** Every lane that is there, in the order of their numbers; one that has closed is listed once more. */
  describe(lanes: readonly LaneChannel[], known: readonly StripeLane[]): LaneState[] {
    const counts = new Map(known.map((lane) => [lane.lane, lane]));
    const described = [
      ...lanes.map((lane) => describe(lane, counts.get(lane.number))),
      ...[...this.#closing].map(([lane, last]) => describe(lane, last)),
    ];
    for (const lane of this.#closing.keys()) if (lane.channel.readyState === 'closed') this.#closing.delete(lane);
    return described.sort((a, b) => a.lane - b.lane);
  }
}

function describe({ number, channel }: LaneChannel, counts: StripeLane | undefined): LaneState {
  return { ...NOTHING_COUNTED, ...counts, lane: number, label: channel.label, state: channel.readyState };
}
