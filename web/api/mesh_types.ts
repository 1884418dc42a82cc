import type { ErrorCode, MillraceError } from './errors.js';
import type { TypedEventTarget } from './events.js';
import type { JsonValue, MessageData } from './message_types.js';
import type { Level, MessageOptions, Topology } from './mesh_options.js';
import type { SendOptions } from './transfer_options.js';
import type { Offer, Sources, Transfer } from './types.js';

export type { BandwidthOptions, Level, MeshOptions, MessageOptions, Topology } from './mesh_options.js';

/**
 * How long messages wait so that several share a batch: not at all, a little, or longer and compressed. The fullest connection
 * decides.
 */
export type QualityMode = 'HIGH' | 'MEDIUM' | 'LOW';

/** A value that JSON can represent. */
export type Json = JsonValue;
/** The content of a message, as `MessageData` of `millrace` describes it. */
export type Payload = MessageData;

/** An entry of an agent's event log. */
export type MeshLogEvent =
  | {
      /** `Mesh.qualityMode` changed. */
      readonly event: 'bandwidth_quality_changed';
      /** Before. */
      readonly oldMode: QualityMode;
      /** Now. */
      readonly newMode: QualityMode;
      /** As `BandwidthStats.maxBuffered`. */
      readonly maxBuffered: number;
      /** As `BandwidthStats.avgBuffered`. */
      readonly avgBuffered: number;
      /** As `BandwidthStats.channelCount`. */
      readonly channelCount: number;
    }
  | {
      /** This agent sent a message. */
      readonly event: 'message_sent';
      /** As `MeshMessage.id`. */
      readonly id: string;
      /** As `MeshMessage.sequence`. */
      readonly sequence: number;
      /** The current mode. */
      readonly mode: QualityMode;
      /** As `BandwidthStats.maxBuffered`. */
      readonly bufferedAmount: number;
    }
  | {
      /** A message of another agent was delivered. */
      readonly event: 'message_received';
      /** As `MeshMessage.id`. */
      readonly id: string;
      /** As `MeshMessage.sequence`. */
      readonly sequence: number;
    }
  | {
      /** Messages were dropped since the last such entry. */
      readonly event: 'message_dropped';
      /** A `DropReason`, or 'payload' for an invalid payload. */
      readonly reason: string;
      /** The agent that delivered the last of them. */
      readonly agent: string;
      /** Number of dropped messages. */
      readonly count: number;
    }
  | {
      /** An agent joined or left the room; the connection to it is up, or gone. */
      readonly event: 'agent_joined' | 'agent_left' | 'agent_connected' | 'agent_disconnected';
      /** Its name. */
      readonly agent: string;
    }
  | {
      /** An attempt to connect to an agent failed. */
      readonly event: 'connection_failed';
      /** Its name. */
      readonly agent: string;
      /** As `MillraceError.code`. */
      readonly code: ErrorCode;
      /** As `MillraceError.explanation`. */
      readonly detail: string;
      /** True: no other attempt follows, see `MeshEvents.refused`. False: another one follows, after a pause. */
      readonly final: boolean;
    }
  | {
      /** `Mesh.topology` changed. */
      readonly event: 'topology_changed';
      /** Now. */
      readonly topology: Topology;
    };

/** A message of another agent. */
export interface MeshMessage {
  /** Unique in the room. */
  readonly id: string;
  /** ms since 1970 on the source's clock. */
  readonly timestamp: number;
  /** As it was sent. */
  readonly level: Level;
  /** The agent that claims to have sent it (docs/mesh.md, "Trust"). */
  readonly source: string;
  /** Null: all agents. */
  readonly destination: string | null;
  /** Version of this message format: 1. */
  readonly version: number;
  /** Its number among the messages of the same source, destination and level, from 0. */
  readonly sequence: number;
  /** As it was sent. */
  readonly payload: Payload;
}

/** Every agent that the message was for, and that did not leave in the meantime, has it. */
export interface Acknowledgement {
  /** As `MeshMessage.id`. */
  readonly id: string;
  /** As `MeshMessage.sequence`. */
  readonly sequence: number;
  /** Time from `send` to the acknowledgement. */
  readonly milliseconds: number;
}

/** What a `Mesh` fires. */
export interface MeshEvents {
  /** A message arrived; `Mesh.onmessage` is called, too. */
  message: Event & {
    /** In order, unless it was sent `unordered`. */
    readonly message: MeshMessage;
  };
  /** An agent joined. */
  joined: Event & {
    /** Its name. */
    readonly agent: string;
  };
  /** An agent left. */
  left: Event & {
    /** Its name. */
    readonly agent: string;
  };
  /** An agent offers files; `Mesh.onincoming` is called, too. */
  incoming: Event & {
    /** The offer, not answered yet. */
    readonly offer: Offer;
    /** The agent that offers. */
    readonly agent: string;
  };
  /**
   * An agent has another `secret`, or somebody is in between: no connection to it is made while it stays in the room. Messages
   * to it are not acknowledged, and `sendFiles` rejects with the error.
   */
  refused: Event & {
    /** Its name. */
    readonly agent: string;
    /** 'authentication-failed'. */
    readonly error: MillraceError;
  };
  /** `Mesh.qualityMode` changed. */
  qualitychange: Event;
  /** The mesh is over. */
  close: Event & {
    /** 'closed' where `Mesh.close` ended it. */
    readonly error: MillraceError;
  };
}

/** An agent among others, as `createMesh` gives it. */
export interface Mesh extends TypedEventTarget<MeshEvents> {
  /** This agent's name. */
  readonly agentId: string;
  /** 'closed' is final. */
  readonly state: 'open' | 'closed';
  /** The others in the room. */
  readonly agents: readonly string[];
  /** The agents that this one is connected to. */
  readonly connected: readonly string[];
  /** The current topology, never 'auto'. */
  readonly topology: Topology;
  /** The current mode. */
  readonly qualityMode: QualityMode;
  /** Current statistics. Errors: throws 'closed' once the mesh is over. */
  readonly bandwidthStats: BandwidthStats;
  /** Called with each message for this agent. */
  onmessage: ((message: MeshMessage) => void) | null;
  /** Called with each offer of files, and the agent that offers. Offers that came before it was set are delivered when it is. */
  onincoming: ((offer: Offer, agent: string) => void) | null;
  /**
   * Sends a message to one agent. Resolves when that agent has it.
   * Errors: rejects with 'invalid-argument' for an agent that is not in the room, or a payload that would not arrive as it is;
   * 'too-large' for a payload over 64 KiB, and for more than an agent may send at once; 'connection-lost' where the agent leaves
   * before it has the message; 'closed'.
   */
  send(to: string, payload: Payload, options?: MessageOptions): Promise<Acknowledgement>;
  /** Sends a message to all agents. Resolves when all that stay have it. Errors: as `send`; 'invalid-argument' in an empty room. */
  broadcast(payload: Payload, options?: MessageOptions): Promise<Acknowledgement>;
  /** Sends waiting messages now, without waiting for others. */
  flush(): void;
  /**
   * Offers files to any agent, over the connection that its messages take. Where there is none, one is made, and ends 5 s after
   * the last file.
   * Errors: rejects with 'invalid-argument' for an agent that is not in the room, 'timeout' where no connection comes up within 30 s,
   * 'connection-lost' where the agent leaves before, 'authentication-failed' for an agent with another secret, 'closed'.
   */
  sendFiles(to: string, source: Sources, options?: SendOptions): Promise<Transfer>;
  /** Says goodbye and ends all sessions. Resolves when everything is released. */
  close(): Promise<void>;
}

/**
 * Why a packet of another agent was dropped. 'malformed': it is not a packet of the mesh. 'forged': its source contradicts the
 * agent that delivered it. 'loop': it came back to its source, or has gone too far. 'unknown-source': its source is not in the
 * room. 'flood': an agent sends more than it may. 'no-room': the memory for waiting messages is full.
 */
export type DropReason = 'malformed' | 'forged' | 'loop' | 'unknown-source' | 'flood' | 'no-room';

/** Buffered bytes, and counts since the agent joined. */
export interface BandwidthStats {
  /** As `Mesh.qualityMode`. */
  readonly mode: QualityMode;
  /** As `Mesh.topology`. */
  readonly topology: Topology;
  /** Whether this agent forwards for others, in the topology 'hub'. */
  readonly isHub: boolean;
  /** Number of connections that are up. */
  readonly channelCount: number;
  /** Bytes in the fullest connection: in its channel and in the queue before it. */
  readonly maxBuffered: number;
  /** The mean over all connections. */
  readonly avgBuffered: number;
  /** Payload of this agent's messages that are not yet acknowledged by all, bytes. */
  readonly keptBytes: number;
  /** Payload of received messages that wait for earlier ones, bytes. */
  readonly waitingBytes: number;
  /** Messages that this agent sent. */
  readonly messagesSent: number;
  /** Messages that were delivered to this agent. */
  readonly messagesReceived: number;
  /** Forwarded packets of other agents, counted once for each connection. */
  readonly packetsForwarded: number;
  /** Messages of this agent that were retransmitted. */
  readonly messagesResent: number;
  /** Messages that arrived more than once; they were delivered once. */
  readonly duplicates: number;
  /** Sent batches. */
  readonly batches: number;
  /** Bytes of sent batches. */
  readonly batchBytes: number;
  /** Dropped packets, by reason. */
  readonly dropped: Readonly<Record<DropReason, number>>;
}
