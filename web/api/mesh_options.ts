import type { MeshLogEvent } from './mesh_types.js';
import { connectNeeded, connectShapes } from './options.js';
import { abortSignal, callback, choice, flag, group, number, shape, text, type NeededOf, type OptionsOf } from './shape.js';

/** Which agents connect. 'full': all with all. 'partial': each with some others. 'hub': each with two hubs, and hubs with each other. */
export type Topology = 'auto' | 'full' | 'partial' | 'hub';
/** Priority of a message: higher levels overtake lower ones on a slow connection. */
export type Level = 'low' | 'normal' | 'high' | 'urgent';

const topologies: readonly Topology[] = ['auto', 'full', 'partial', 'hub'];
const levels: readonly Level[] = ['low', 'normal', 'high', 'urgent'];
const MAX_ID_BYTES = 64;

/** The options of `MeshOptions.bandwidth`. */
export const bandwidthShapes = {
  /** HIGH → MEDIUM; default 512 KiB. */
  mediumAbove: number({ least: 0 }),
  /** MEDIUM → LOW; default 1 MiB. */
  lowAbove: number({ least: 0 }),
  /** LOW → MEDIUM; default 256 KiB. */
  mediumBelow: number({ least: 0 }),
  /** MEDIUM → HIGH; default 128 KiB. */
  highBelow: number({ least: 0 }),
  /** How long a message waits for others in mode HIGH, ms; default 0. */
  highDelay: number({ least: 0 }),
  /** The same in MEDIUM, ms; default 50. */
  mediumDelay: number({ least: 0 }),
  /** The same in LOW, ms; default 200. */
  lowDelay: number({ least: 0 }),
  /** Interval at which buffers are measured, ms; default 100. */
  sampleInterval: number({ least: 0 }),
  /** True: the expected size of the fullest buffer after `horizon` decides, not its current size. Default false. */
  predictive: flag(),
  /** How far `predictive` looks ahead, ms; default 200. */
  horizon: number({ least: 0 }),
};

/** Thresholds and delays of the quality modes; bytes and ms. */
export interface BandwidthOptions extends OptionsOf<typeof bandwidthShapes> {}

/** The options of `createMesh` that must be there. */
export const meshNeeded = {
  /** This agent's name in the room, 1 to 64 bytes of UTF-8; no other agent may have it. */
  agentId: shape<string>(`a name of 1 to ${MAX_ID_BYTES} bytes of UTF-8`, isAgentId),
  /** Carries messages to everyone in the room. The mesh takes it over and closes it in the end. */
  signaling: connectNeeded.signaling,
};

/** The options of `createMesh` that may be absent. */
export const meshShapes = {
  /** Default 'auto': full up to 20 agents, partial up to 300, hubs beyond. */
  topology: choice(topologies),
  /** Neighbours of an agent in a partial mesh, on average; default 20. */
  neighbours: number({ least: 1, whole: true }),
  /** Agents for each hub; default 50. */
  agentsPerHub: number({ least: 1, whole: true }),
  /** A link key (`createLinkKey`) that all agents of the room share. A code is not possible here. */
  secret: text(),
  /** As `ConnectOptions.rtc`: used for every peer connection, and a function is asked before each of them. */
  rtc: connectShapes.rtc,
  /** As `ConnectOptions.privacy`, for the connections with all agents. */
  privacy: connectShapes.privacy,
  /** The most that this agent sends of files to all others together, bytes per second; 0: no limit. */
  bandwidthLimit: connectShapes.bandwidthLimit,
  /** As `ConnectOptions.RTCPeerConnection`: for agents in Node.js. */
  RTCPeerConnection: connectShapes.RTCPeerConnection,
  /** How the quality mode is chosen. */
  bandwidth: group<BandwidthOptions>(bandwidthShapes),
  /** Messages per second that one agent may send; default 1,000, with a burst of 2 s. */
  messagesPerSecond: number({ least: 1, whole: true }),
  /** Bytes per second, in the same way; default 8 MiB. */
  bytesPerSecond: number({ least: 1, whole: true }),
  /** Bytes per second that this agent can forward; the agents that can forward the most become hubs. Default: as measured. */
  capacity: number({ least: 0, unit: 'bytes per second' }),
  /**
   * Whether each session runs in a worker of its own. Default false: a worker costs each message two more hand-overs, and each
   * session a thread.
   */
  worker: flag(),
  /** Called with each entry of the event log. */
  log: callback<(event: MeshLogEvent) => void>(),
  /** Ends the mesh with 'aborted'. */
  signal: abortSignal(),
};

/** Options of `createMesh`. */
export interface MeshOptions extends NeededOf<typeof meshNeeded>, OptionsOf<typeof meshShapes> {}

/** The options of `Mesh.send` and `Mesh.broadcast`. */
export const meshMessageShapes = {
  /** Default 'normal'. */
  level: choice(levels),
  /** True: delivered as soon as it arrives, not in order. Default false. */
  unordered: flag(),
};

/** Options of a message. */
export interface MessageOptions extends OptionsOf<typeof meshMessageShapes> {}

/** Half a surrogate pair would reach the others as another name. */
function isAgentId(id: unknown): boolean {
  return typeof id === 'string' && id !== '' && !/[\ud800-\udfff]/u.test(id) && new TextEncoder().encode(id).length <= MAX_ID_BYTES;
}
