import { useState } from 'react';
import { useRoom } from './useRoom.js';

/** The invite of a link stands behind its '#', a part that browsers do not send to servers. */
export function App({ where, invite }) {
  const [received, setReceived] = useState([]);
  const [progress, setProgress] = useState('');

  const { room, state, peers, error } = useRoom(where, invite, async ({ offer }) => {
    const { files } = await offer.accept().done;
    setReceived((before) => [...before, ...files.map(({ name, blob }) => ({ name, address: URL.createObjectURL(blob) }))]);
  });

  const send = async ({ target }) => {
    const transfer = room.send([...target.files]);
    transfer.addEventListener('progress', ({ bytes, totalBytes }) => setProgress(`${bytes} of ${totalBytes} bytes`));
    await transfer.done.then(() => setProgress('Stored at the other side, and checked.'), (failure) => setProgress(failure.message));
  };

  return (
    <>
      <p>{room && <a href={`#${room.invite}`} target="_blank" rel="opener">Open this link in another window.</a>}</p>
      <p className="state">{error ? error.message : state}{peers.length > 0 && `, ${peers.length} here`}</p>
      <input type="file" multiple disabled={state !== 'connected'} onChange={send} />
      <output>{progress}</output>
      <ul>{received.map(({ name, address }) => <li key={address}><a href={address} download={name}>{name}</a></li>)}</ul>
    </>
  );
}
