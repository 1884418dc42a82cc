// What runs in a page to lead its connections over the emulated link. Playwright carries the function there as text, so it
// uses nothing from outside.

/**
 * Replaces each remote candidate by its relay's, which differs in the port, whoever hands it to the browser and however it was signalled:
 * the methods of RTCPeerConnection.prototype that take candidates are wrapped. Host candidates over UDP and IPv4 are
 * relayed, all others dropped. Needs the binding `relayPortOf(ip, port)`.
 */
export function rewriteCandidates() {
  const { prototype } = RTCPeerConnection;
  const native = { addIceCandidate: prototype.addIceCandidate, setRemoteDescription: prototype.setRemoteDescription };
  /** Every connection that was told of the other side; the others cannot have a path. */
  const connections = new Set();
  /** The end of a connection's last rewriting: calls reach the browser in the order in which they were made. */
  const turns = new WeakMap();

  /** Fields: RFC 8839, section 5.1. Gives null where the candidate is to be dropped. */
  async function relayed(candidate) {
    const fields = candidate.split(' ');
    const [, , transport, , ip, port, , type] = fields;
    if (transport.toLowerCase() !== 'udp' || type !== 'host' || !/^[\d.]+$/.test(ip)) return null;
    fields[5] = String(await globalThis.relayPortOf(ip, Number(port)));
    return fields.join(' ');
  }

  async function rewriteDescription(description) {
    const lines = await Promise.all(
      (description.sdp ?? '').split('\r\n').map((line) => (line.startsWith('a=candidate:') ? relayed(line) : line)),
    );
    return { type: description.type, sdp: lines.filter((line) => line !== null).join('\r\n') };
  }

  async function rewriteCandidate(init) {
    // The end of the candidates is none.
    if (!init?.candidate) return init;
    const candidate = await relayed(init.candidate);
    const { sdpMid, sdpMLineIndex, usernameFragment } = init;
    return candidate === null ? null : { candidate, sdpMid, sdpMLineIndex, usernameFragment };
  }

  function inTurn(connection, rewrite, call) {
    connections.add(connection);
    const rewritten = (turns.get(connection) ?? Promise.resolve()).then(rewrite);
    turns.set(connection, rewritten.catch(() => {}));
    return rewritten.then(call);
  }

  prototype.setRemoteDescription = function setRemoteDescription(description) {
    return inTurn(this, () => rewriteDescription(description), (rewritten) => native.setRemoteDescription.call(this, rewritten));
  };
  prototype.addIceCandidate = function addIceCandidate(init) {
    return inTurn(this, () => rewriteCandidate(init), (rewritten) => {
      const dropped = init?.candidate && rewritten === null;
      return dropped ? undefined : native.addIceCandidate.call(this, rewritten);
    });
  };

  /** How many connections are connected, and the remote ports of their selected candidate pairs. */
  globalThis.remotePorts = async () => {
    const connected = [...connections].filter((connection) => connection.connectionState === 'connected');
    const ports = [];
    for (const connection of connected) {
      const report = await connection.getStats();
      const stats = [...report.values()];
      // Firefox marks the pair, Chromium names it in the transport.
      const named = stats.find(({ type }) => type === 'transport')?.selectedCandidatePairId;
      const pair = named === undefined ? stats.find(({ type, selected }) => type === 'candidate-pair' && selected) : report.get(named);
      const remote = report.get(pair?.remoteCandidateId);
      if (remote !== undefined) ports.push(remote.port);
    }
    return { connected: connected.length, ports };
  };
}
