// A data channel for `channelSignaling`, on a connection that another library has made. Both sides call it with their end of the same
// connection, once the library says that it is connected. The id keeps away from those that the library uses; both sides use the same one.

const channelOn = (connection) => connection.createDataChannel('millrace', { negotiated: true, id: 100 });

/** `connection`: an open `DataConnection` of PeerJS. */
export const ofPeerJs = (connection) => channelOn(connection.peerConnection);

/** `peer`: a connected peer of simple-peer, which keeps its connection in a field without a documented name. */
export const ofSimplePeer = (peer) => channelOn(peer._pc);

/** `room`: of Trystero; `peerId`: what its `onPeerJoin` gives. */
export const ofTrystero = (room, peerId) => channelOn(room.getPeers()[peerId]);
