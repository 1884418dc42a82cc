import type { ErrorCode, MillraceError } from './errors.js';
import type { TypedEventTarget } from './events.js';
import type { PeerConnectionClass, Signaling } from './options.js';
import type { Offer, SendOptions, Source, Transfer } from './types.js';

/**
 * How long messages wait for others to share a record with: not at all, a little, or longer, and compressed. By what connections
 * hold.
 */
export type QualityMode = 'HIGH' | 'MEDIUM' | 'LOW';
/**
 * Who connects to whom. 'full': everyone with everyone. 'partial': each with some. 'hub': each with two hubs, and hubs with each
 * other.
 */
export type Topology = 'auto' | 'full' | 'partial' | 'hub';
/** Higher ones overtake lower ones where a connection is slow. */
export type Level = 'low' | 'normal' | 'high' | 'urgent';

/** What JSON can say. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
/** What a message carries: bytes, or what JSON can say. At most 65,535 bytes. */
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
  /** How long a message waits for others in HIGH, ms; default 0. */
  highDelay?: number;
  /** The same in MEDIUM, ms; default 50. */
  mediumDelay?: number;
  /** The same in LOW, ms; default 200. */
  lowDelay?: number;
  /** How often buffers are looked at, ms; default 100. */
  sampleInterval?: number;
  /** Goes by where the fullest buffer will be `horizon` from now, not by where it is. Default false. */
  predictive?: boolean;
  /** ms; default 200. */
  horizon?: number;
}

/** What `createMesh` takes. */
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
  /** A link key (`createLinkKey`) that all agents of the room share. A code is not possible here. */
  secret?: string;
  /** Used for every peer connection. */
  rtc?: RTCConfiguration;
  /** As `ConnectOptions.RTCPeerConnection`: for agents in Node.js. */
  RTCPeerConnection?: PeerConnectionClass;
  /** When messages wait for others. */
  bandwidth?: BandwidthOptions;
  /** What one agent may say; default 1,000, and those of 2 s at once. */
  messagesPerSecond?: number;
  /** The same in bytes; default 8 MiB. */
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

/** An entry of the event log: what happened in this agent. */
export type MeshLogEvent =
  | {
      /** `Mesh.qualityMode` is another one. */
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
      /** A message of this agent's own was taken. */
      readonly event: 'message_sent';
      /** As `MeshMessage.id`. */
      readonly id: string;
      /** As `MeshMessage.sequence`. */
      readonly sequence: number;
      /** The mode that it goes by. */
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
      /** Something was dropped since the last such event. */
      readonly event: 'message_dropped';
      /** A `DropReason`; 'payload' for one that is not what it says. */
      readonly reason: string;
      /** Who brought the last of them. */
      readonly agent: string;
      /** How many. */
      readonly count: number;
    }
  | {
      /** An agent came into the room or left it; a connection to one is up, or gone. */
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
      /** As `MillraceError.detail`. */
      readonly detail: string;
      /** True: no other attempt follows, see `MeshEvents.refused`. False: another one follows, after a pause. */
      readonly final: boolean;
    }
  | {
      /** `Mesh.topology` is another one. */
      readonly event: 'topology_changed';
      /** Now. */
      readonly topology: Topology;
    };

/** A message of another agent. */
export interface MeshMessage {
  /** Unlike that of any other message. */
  readonly id: string;
  /** ms since 1970 on the source's clock. */
  readonly timestamp: number;
  /** As it was sent. */
  readonly level: Level;
  /** The agent that says to have sent it (docs/mesh.md, "Trust"). */
  readonly source: string;
  /** Null: everyone. */
  readonly destination: string | null;
  /** Of this form of messages: 1. */
  readonly version: number;
  /** Of its source, destination and level, from 0. */
  readonly sequence: number;
  /** As it was sent. */
  readonly payload: Payload;
}

/** How a message goes. */
export interface MessageOptions {
  /** Default 'normal'. */
  level?: Level;
  /** True: delivered as it comes, not in its turn. Default false. */
  unordered?: boolean;
}

/** Everyone that the message was for, and did not leave meanwhile, has it. */
export interface Acknowledgement {
  /** As `MeshMessage.id`. */
  readonly id: string;
  /** As `MeshMessage.sequence`. */
  readonly sequence: number;
  /** From `send` to the acknowledgement. */
  readonly milliseconds: number;
}

/** What a `Mesh` fires. */
export interface MeshEvents {
  /** A message came; `Mesh.onmessage` is told the same. */
  message: Event & {
    /** In its turn, unless it was sent `unordered`. */
    readonly message: MeshMessage;
  };
  /** An agent is there. */
  joined: Event & {
    /** Its name. */
    readonly agent: string;
  };
  /** An agent is not there any more. */
  left: Event & {
    /** Its name. */
    readonly agent: string;
  };
  /** An agent offers files; `Mesh.onincoming` is told the same. */
  incoming: Event & {
    /** Not answered yet. */
    readonly offer: Offer;
    /** Whose. */
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
  /** `Mesh.qualityMode` is another one. */
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
  /** Those that this one is connected to now. */
  readonly connected: readonly string[];
  /** The one of now, also where it was to be chosen; not 'auto'. */
  readonly topology: Topology;
  /** How messages wait now. */
  readonly qualityMode: QualityMode;
  /** Numbers of now. Errors: throws 'closed' once the mesh is over. */
  readonly bandwidthStats: BandwidthStats;
  /** Is told each message for this agent. */
  onmessage: ((message: MeshMessage) => void) | null;
  /** Is told each offer of files, and whose it is. Offers that came before it was set are delivered when it is. */
  onincoming: ((offer: Offer, agent: string) => void) | null;
  /**
   * Says something to one agent. Resolves when it has the message.
   * Errors: rejects with 'invalid-argument' for an agent that is not here, or a payload that is neither bytes nor JSON;
   * 'too-large' for one over 64 KiB, and for more than an agent may say at once; 'connection-lost' where the agent leaves before it has the message;
   * 'closed'.
   */
  send(to: string, payload: Payload, options?: MessageOptions): Promise<Acknowledgement>;
  /** Says something to all. Resolves when everyone who stays has it. Errors: as `send`; 'invalid-argument' where nobody else is here. */
  broadcast(payload: Payload, options?: MessageOptions): Promise<Acknowledgement>;
  /** What waits for others to share a record with goes out now. */
  flush(): void;
  /**
   * Offers files to any agent, over the connection that its messages take. Where there is none, one is made, and ends 5 s after
   * the last file.
   * Errors: rejects with 'invalid-argument' for an agent that is not here, 'timeout' where no connection comes up within 30 s,
   * 'connection-lost' where the agent leaves before, 'authentication-failed' for an agent with another secret, 'closed'.
   */
  sendFiles(to: string, source: Source | readonly Source[], options?: SendOptions): Promise<Transfer>;
  /** Says goodbye and lets go of everything. */
  close(): Promise<void>;
}

/**
 * Why something of another agent was dropped. 'malformed': no packet of the mesh. 'forged': in a name that is not its
 * speaker's. 'loop': it came back to its source, or has gone too far. 'unknown-source': from nobody in the room. 'flood': more
 * than an agent may say. 'no-room': the memory for what waits is full.
 */
export type DropReason = 'malformed' | 'forged' | 'loop' | 'unknown-source' | 'flood' | 'no-room';

/** What connections hold, and what was sent and received since the agent joined. */
export interface BandwidthStats {
  /** As `Mesh.qualityMode`. */
  readonly mode: QualityMode;
  /** As `Mesh.topology`. */
  readonly topology: Topology;
  /** This agent forwards for others, in the topology 'hub'. */
  readonly isHub: boolean;
  /** Connections that are up. */
  readonly channelCount: number;
  /** Bytes that the fullest connection holds, in its channel and in the queue before it. */
  readonly maxBuffered: number;
  /** The same of all, in the mean. */
  readonly avgBuffered: number;
  /** Payload of this agent's own that not everyone has acknowledged, bytes. */
  readonly keptBytes: number;
  /** Payload of others that waits for its turn, bytes. */
  readonly waitingBytes: number;
  /** Messages of this agent's own. */
  readonly messagesSent: number;
  /** Messages that were delivered here. */
  readonly messagesReceived: number;
  /** Packets of others, once for each connection. */
  readonly packetsForwarded: number;
  /** Messages of its own that were sent again. */
  readonly messagesResent: number;
  /** Messages that came once more, and were not delivered again. */
  readonly duplicates: number;
  /** Records that carried messages. */
  readonly batches: number;
  /** Bytes of them. */
  readonly batchBytes: number;
  /** What was dropped here, by its reason. */
  readonly dropped: Readonly<Record<DropReason, number>>;
}
