import { useEffect, useEffectEvent, useState } from 'react';
import { createRoom, joinRoom } from 'millrace';

const nothing = { room: null, state: 'connecting', peers: [], error: null };

/**
 * A room for as long as the component is mounted: that of `invite`, or a new one without an invite. The component is rendered again
 * with each change of `state`, `peers` or `error`. `onOffer` gets each event 'offer'.
 */
export function useRoom(where, invite, onOffer) {
  const [view, setView] = useState(nothing);
  const offered = useEffectEvent((event) => onOffer?.(event));

  useEffect(() => {
    // StrictMode mounts, unmounts and mounts again in one task: the first room is left before it is entered.
    const leaving = new AbortController();
    const { signal } = leaving;
    const enter = async () => (invite ? joinRoom(where, invite, { signal }) : createRoom(where, { signal }));
    const follow = (room) => {
      const show = (error = null) => signal.aborted || setView({ room, state: room.state, peers: [...room.peers.values()], error });
      for (const type of ['statechange', 'peer', 'leave']) room.addEventListener(type, () => show(), { signal });
      room.addEventListener('error', ({ error }) => show(error), { signal });
      room.addEventListener('offer', offered, { signal });
      show();
    };
    enter().then(follow).catch((error) => signal.aborted || setView({ ...nothing, state: 'closed', error }));
    return () => leaving.abort();
  }, [where, invite]);

  return view;
}
