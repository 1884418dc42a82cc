import { MillraceError } from '../api/errors.js';
import { groupSendShapes, type GroupSendOptions, type GroupTransfer } from '../api/room_types.js';
import { checkOptions } from '../api/shape.js';
import { sendShapes } from '../api/transfer_options.js';
import type { Sources } from '../api/types.js';
import type { AppSession } from '../session/app_channel.js';
import { SharedSource } from '../session/shared_source.js';
import { hasStream, keepSources } from '../sources/source.js';
import { GroupTransferImpl } from './group_transfer.js';

/** The group transfers of a room that may take further members. */
export class Groups {
  readonly #peers: ReadonlyMap<string, AppSession>;
  readonly #open = new Set<GroupTransferImpl>();

  /** `peers`: those who are here, by id. */
  constructor(peers: ReadonlyMap<string, AppSession>) {
    this.#peers = peers;
  }

  /** Errors: throws as `Room.send`, except 'closed'. */
  send(source: Sources, options: GroupSendOptions): GroupTransfer {
    const { to, newcomers = false } = checkOptions(options, groupSendShapes);
    const { name, signal } = checkOptions(options, sendShapes);
    if (signal?.aborted) throw new MillraceError('aborted');
    const peers = this.chosen(to);
    const sources = keepSources(source);
    if (hasStream(sources) && (newcomers || peers.length > 1)) {
      throw new MillraceError('invalid-argument', 'a stream can be read once: send it to one member, without newcomers');
    }
    const takes = newcomers ? 'all' : peers.length === 0 ? 'first' : 'now';
    const shared = new SharedSource(sources, name, takes === 'all' || peers.length > 1);
    const group = new GroupTransferImpl({ source: shared, signal, takes, onended: () => this.#open.delete(group) });
    for (const peer of peers) group.offer(peer);
    if (takes === 'now') group.stop(new MillraceError('closed'));
    else this.#open.add(group);
    return group;
  }

  /** Those of `to`; all without it. Errors: throws 'invalid-argument' for an id that is not here. */
  chosen(to: GroupSendOptions['to']): AppSession[] {
    if (to === undefined) return [...this.#peers.values()];
    const ids = typeof to === 'string' ? [to] : [...new Set(to)];
    return ids.map((id) => {
      const peer = this.#peers.get(id);
      if (!peer) throw new MillraceError('invalid-argument', `to: there is no member ${String(id).slice(0, 40)}`);
      return peer;
    });
  }

  /** A member came. */
  join(peer: AppSession): void {
    // A listener of the page may have closed it.
    for (const group of [...this.#open]) if (peer.state !== 'closed') group.offer(peer);
  }

  /** The room was left. */
  stop(error: MillraceError): void {
    for (const group of [...this.#open]) group.stop(error);
  }
}
