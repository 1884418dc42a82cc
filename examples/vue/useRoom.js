import { onScopeDispose, shallowReactive } from 'vue';
import { createRoom, joinRoom } from 'millrace';

/**
 * A room for as long as the component exists: that of `invite`, or a new one without an invite. Returns a reactive object with `room`,
 * `state`, `peers` and `error`. `onOffer` gets each event 'offer'.
 */
export function useRoom(where, invite, onOffer) {
  const view = shallowReactive({ room: null, state: 'connecting', peers: [], error: null });
  const leaving = new AbortController();
  const { signal } = leaving;
  onScopeDispose(() => leaving.abort());

  const enter = async () => (invite ? joinRoom(where, invite, { signal }) : createRoom(where, { signal }));
  const follow = (room) => {
    const show = () => Object.assign(view, { room, state: room.state, peers: [...room.peers.values()] });
    for (const type of ['statechange', 'peer', 'leave']) room.addEventListener(type, show, { signal });
    room.addEventListener('error', ({ error }) => (view.error = error), { signal });
    room.addEventListener('offer', onOffer, { signal });
    show();
  };
  enter().then(follow).catch((error) => signal.aborted || Object.assign(view, { state: 'closed', error }));
  return view;
}
