import type { MillraceError } from '../errors.js';
import type { TypedEventTarget } from '../events.js';
import type { Signaling } from '../options.js';
import type { Offer, SendOptions, Source, Transfer } from '../types.js';
import type { CoreMeshStats } from './core.js';

export type QualityMode = 'HIGH' | 'MEDIUM' | 'LOW';
export type Topology = 'auto' | 'full' | 'partial' | 'hub';
/** Higher ones overtake lower ones where a connection is slow. */
export type Level = 'low' | 'normal' | 'high' | 'urgent';

/** What JSON can say. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type Payload = Uint8Array | Json;

/** The numbers of the bandwidth adapter; bytes and ms. */
export interface BandwidthOptions {
  /** HIGH → MEDIUM; default 512 KiB. */
  mediumAbove?: number;
  /** MEDIUM → LOW; default 1 MiB. */
  lowAbove?: number;
  /** LOW → MEDIUM; default 256 KiB. */
  mediumBelow?: number;
  /** MEDIUM → HIGH; default 128 KiB. */
  highBelow?: number;
  /** How long a message waits for others; default 0, 50 and 200. */
  highDelay?: number;
  mediumDelay?: number;
  lowDelay?: number;
  /** Default 100. */
  sampleInterval?: number;
  /** Goes by where the fullest buffer will be `horizon` (200) from now, not by where it is. Default false. */
  predictive?: boolean;
  horizon?: number;
}

export interface MeshOptions {
  /** This agent's name in the room, 1 to 64 bytes of UTF-8; no other agent may have it. */
  agentId: string;
  /** Carries messages to everyone in the room. The mesh takes it over and closes it in the end. */
  signaling: Signaling;
  /** Who connects to whom; default 'auto': full to 20 agents, partial to 300, hubs beyond. */
  topology?: Topology;
  /** In a partial mesh, in the mean; default 20. */
  neighbours?: number;
  /** Default 50. */
  agentsPerHub?: number;
  /** A link key that all agents of the room share; see `ConnectOptions`. */
  secret?: string;
  rtc?: RTCConfiguration;
  bandwidth?: BandwidthOptions;
  /** What one agent may say; default 1,000 messages and 8 MiB a second, 2 s of that at once. */
  messagesPerSecond?: number;
  bytesPerSecond?: number;
  /** What this agent can forward, bytes per second; default: as its connections are measured. Hubs are chosen by it. */
  capacity?: number;
  /**
   * Sessions in workers of their own. Default false: each worker costs a message two more hand-overs, and each neighbour a
   * thread.
   */
  worker?: boolean;
  /** Is told what happens; see `MeshLogEvent`. */
  log?: (event: MeshLogEvent) => void;
  /** Leaves the mesh. */
  signal?: AbortSignal;
}

/** The event log. */
export type MeshLogEvent =
  | {
      readonly event: 'bandwidth_quality_changed';
      readonly oldMode: QualityMode;
      readonly newMode: QualityMode;
      readonly maxBuffered: number;
      readonly avgBuffered: number;
      readonly channelCount: number;
    }
  | { readonly event: 'message_sent'; readonly id: string; readonly sequence: number; readonly mode: QualityMode; readonly bufferedAmount: number }
  | { readonly event: 'message_received'; readonly id: string; readonly sequence: number }
  /** Since the last such event; `agent` brought the last of them. */
  | { readonly event: 'message_dropped'; readonly reason: string; readonly agent: string; readonly count: number }
  | { readonly event: 'agent_joined' | 'agent_left' | 'agent_connected' | 'agent_disconnected'; readonly agent: string }
  | { readonly event: 'topology_changed'; readonly topology: Topology };

export interface MeshMessage {
  /** Unlike that of any other message. */
  readonly id: string;
  /** ms since 1970 on the source's clock. */
  readonly timestamp: number;
  readonly level: Level;
  readonly source: string;
  /** Null: everyone. */
  readonly destination: string | null;
  readonly version: number;
  /** Of its source, destination and level, from 0. */
  readonly sequence: number;
  readonly payload: Payload;
}

export interface MessageOptions {
  /** Default 'normal'. */
  level?: Level;
  /** True: delivered as it comes, not in its turn. Default false. */
  unordered?: boolean;
}

/** Everyone that the message was for, and did not leave meanwhile, has it. */
export interface Acknowledgement {
  readonly id: string;
  readonly sequence: number;
  /** From `send` to the acknowledgement. */
  readonly milliseconds: number;
}

export interface MeshEvents {
  message: Event & { readonly message: MeshMessage };
  /** An agent is there, or not any more. */
  joined: Event & { readonly agent: string };
  left: Event & { readonly agent: string };
  /** Files that an agent offers. */
  incoming: Event & { readonly offer: Offer; readonly agent: string };
  qualitychange: Event;
  /** The mesh is over. */
  close: Event & { readonly error: MillraceError };
}

export interface Mesh extends TypedEventTarget<MeshEvents> {
  readonly agentId: string;
  readonly state: 'open' | 'closed';
  /** The others in the room. */
  readonly agents: readonly string[];
  /** Those that this one is connected to now. */
  readonly connected: readonly string[];
  readonly topology: Topology;
  readonly qualityMode: QualityMode;
  readonly bandwidthStats: BandwidthStats;
  onmessage: ((message: MeshMessage) => void) | null;
  onincoming: ((offer: Offer, agent: string) => void) | null;
  /**
   * Errors: rejects with 'invalid-argument' for an agent that is not here, or a payload that is neither bytes nor JSON;
   * 'too-large' for one over 64 KiB, and for more than an agent may say at once; 'connection-lost' where the agent leaves before it has the message;
   * 'closed'.
   */
  send(to: string, payload: Payload, options?: MessageOptions): Promise<Acknowledgement>;
  /** Errors: as `send`; 'invalid-argument' where nobody else is here. */
  broadcast(payload: Payload, options?: MessageOptions): Promise<Acknowledgement>;
  /** What waits for others to share a record with goes out now. */
  flush(): void;
  /**
   * Offers files to any agent, over the connection that its messages take; where there is none, one is made. Errors: rejects
   * with 'invalid-argument' for an agent that is not here, 'timeout' where no connection comes up within 30 s, 'closed'.
   */
  sendFiles(to: string, source: Source | readonly Source[], options?: SendOptions): Promise<Transfer>;
  /** Says goodbye and lets go of everything. */
  close(): Promise<void>;
}

/** Bytes: of what connections hold, channel and queue; of one at most, in the mean. */
export type BandwidthStats = CoreMeshStats;
