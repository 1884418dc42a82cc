/**
 * The mesh's WebAssembly module as TypeScript sees it: the Embind class of `wasm/mesh.cpp`. Times are ms on the clock of
 * `performance.now()`; results are copies.
 */
import type { BandwidthOptions, BandwidthStats, DropReason, Level, QualityMode, Topology } from '../api/mesh_types.js';
import { loadWasm } from './load.js';

export interface CoreAgent {
  readonly id: string;
  /** 16 hexadecimal digits, random for each time that the agent joins. */
  readonly incarnation: string;
  /** Bytes per second that the agent can forward; 0: unknown. */
  readonly capacity: number;
}

/** A message between the agents of a room. */
export interface RoomMessage {
  readonly type: 'here' | 'bye' | 'suspect';
  readonly agents: readonly CoreAgent[];
  readonly asks: boolean;
  readonly settled: boolean;
  /** The recipient; empty: all. */
  readonly to: string;
}

export interface CoreMessageId {
  /** Empty: all. */
  readonly destination: string;
  readonly level: Level;
  readonly unordered: boolean;
  readonly broadcast: boolean;
  readonly sequence: number;
}

interface CoreEventOf<Type extends string> {
  readonly type: Type;
  readonly agent: string;
  readonly incarnation: string;
}

export type CoreMeshEvent =
  | CoreEventOf<'joined' | 'left' | 'connect' | 'release' | 'duplicate'>
  | (CoreEventOf<'message'> & {
      readonly id: CoreMessageId;
      readonly timestamp: number;
      readonly compressed: boolean;
      readonly payload: Uint8Array<ArrayBuffer>;
    })
  | (CoreEventOf<'delivered' | 'failed'> & { readonly id: CoreMessageId })
  | (CoreEventOf<'quality'> & {
      readonly oldMode: QualityMode;
      readonly newMode: QualityMode;
      readonly maxBuffered: number;
      readonly avgBuffered: number;
      readonly channelCount: number;
    })
  | (CoreEventOf<'topology'> & { readonly topology: Topology })
  | (CoreEventOf<'dropped'> & { readonly reason: DropReason; readonly count: number });

export interface CoreSendOptions {
  readonly level: Level;
  readonly unordered: boolean;
  readonly compressed: boolean;
  readonly timestamp: number;
}

/** Names, units and defaults of `MeshOptions` in `src/mesh/mesh_node.h`. */
export interface CoreMeshOptions extends BandwidthOptions {
  topology?: Topology;
  neighbours?: number;
  agentsPerHub?: number;
  mostFull?: number;
  mostPartial?: number;
  queueBytes?: number;
  channelBytes?: number;
  messagesPerSecond?: number;
  bytesPerSecond?: number;
}

export interface MeshNodeCore {
  handleRoom(message: RoomMessage, now: number): void;
  rejoin(): void;
  setCapacity(bytesPerSecond: number): void;
  leave(): void;
  linkUp(id: string, now: number): void;
  linkDown(id: string, now: number): void;
  setBuffered(id: string, bytes: number): void;
  handleBatch(from: string, batch: Uint8Array, now: number): void;
  /** `to`: empty for all. */
  send(to: string, payload: Uint8Array, options: CoreSendOptions, now: number): CoreMessageId | { readonly code: string; readonly detail: string };
  flush(): void;
  advanceTime(now: number): void;
  nextTimeout(now: number): number;
  pollOutput(now: number): { readonly to: string; readonly batch: Uint8Array<ArrayBuffer> } | undefined;
  pollSay(): RoomMessage | undefined;
  pollEvent(): CoreMeshEvent | undefined;
  mode(): QualityMode;
  /** Bytes in the buffer of the connection to an agent. */
  buffered(id: string): number;
  stats(): BandwidthStats;
  delete(): void;
}

export interface MeshModule {
  readonly MeshNode: new (self: CoreAgent, options: CoreMeshOptions, now: number) => MeshNodeCore;
}

/** A new instance of the mesh's module, from beside this script. Errors and cost: as `loadWasm`. */
export function loadMeshCore(): Promise<MeshModule> {
  return loadWasm(new URL('./millrace_mesh.wasm', import.meta.url), () => import('./millrace_mesh.js'));
}
