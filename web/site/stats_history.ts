import type { PeerStats } from '../index.js';

/** A session at one moment. */
export interface Sample {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Bytes per second since the sample before. */
  readonly sent: number;
  readonly received: number;
  /** ms */
  readonly rtt: number | null;
  readonly queueDelay: number;
  readonly lanes: number;
  /** Share of all records sent so far, 0 to 1. */
  readonly loss: number | null;
}

/** The last minute of a session, one sample a second. */
export class StatsHistory {
  static readonly seconds = 60;
  readonly #samples: Sample[] = [];
  #before = new Map<number, { sent: number; received: number }>();
  #at: number | undefined;

  get samples(): readonly Sample[] {
    return this.#samples;
  }

  /** `now`: ms since 1970, never falling. */
  record(stats: PeerStats, now: number): Sample {
    const seconds = this.#at === undefined ? 0 : (now - this.#at) / 1000;
    let sent = 0;
    let received = 0;
    let records = 0;
    let lost = 0;
    const counts = new Map<number, { sent: number; received: number }>();
    for (const lane of stats.lanes) {
      // A lane that was closed and opened again counts from 0.
      const before = this.#before.get(lane.lane) ?? { sent: 0, received: 0 };
      sent += Math.max(0, lane.bytesSent - before.sent);
      received += Math.max(0, lane.bytesReceived - before.received);
      records += lane.recordsSent;
      lost += lane.recordsLost;
      counts.set(lane.lane, { sent: lane.bytesSent, received: lane.bytesReceived });
    }
    this.#before = counts;
    this.#at = now;
    const sample: Sample = {
      at: now,
      sent: seconds > 0 ? sent / seconds : 0,
      received: seconds > 0 ? received / seconds : 0,
      rtt: stats.rtt ?? null,
      queueDelay: stats.queueDelay,
      lanes: stats.lanes.filter(({ state }) => state === 'open').length,
      loss: records > 0 ? lost / records : null,
    };
    this.#samples.push(sample);
    while (now - (this.#samples[0]?.at ?? now) > StatsHistory.seconds * 1000) this.#samples.shift();
    return sample;
  }
}
