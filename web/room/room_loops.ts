import { MergedLoop } from '../base/merged_loop.js';
import type { Peer } from '../api/types.js';

/** The `for await` loops over something of all members of a room. Each takes up the members that come while it runs. */
export class RoomLoops {
  readonly #open = new Map<{ endSoon(): void }, (peer: Peer) => void>();
  #ended = false;

  /** `read`: the loop over one member; `convert`: its values as the room's loop gives them. */
  open<From, To>(
    peers: Iterable<Peer>,
    read: (peer: Peer) => AsyncIterator<From>,
    convert: (value: From, peer: Peer) => To,
  ): AsyncIterableIterator<To> {
    const loop = new MergedLoop<To>(() => this.#open.delete(loop));
    const join = (peer: Peer): void => loop.add(read(peer), (value) => convert(value, peer));
    for (const peer of peers) join(peer);
    if (this.#ended) loop.endSoon();
    else this.#open.set(loop, join);
    return loop;
  }

  join(peer: Peer): void {
    for (const join of this.#open.values()) join(peer);
  }

  /** The room is left. Loops still get what has arrived. */
  end(): void {
    this.#ended = true;
    for (const loop of this.#open.keys()) loop.endSoon();
  }
}
