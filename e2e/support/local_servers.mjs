// No test, benchmark or check contacts a STUN or TURN server of somebody else: their connections take servers of this machine only.

/**
 * A class of peer connections that throws where it is to use any other server than one of a private, documentation or loopback address, or
 * of a name that does not exist (RFC 2606). It also goes into pages as text, so it uses nothing from outside.
 *
 * @template {new (configuration?: RTCConfiguration) => RTCPeerConnection} Class
 * @param {Class} Native
 * @returns {Class}
 */
export function withLocalServers(Native) {
  const addresses = [
    String.raw`(?:127|10|192\.168|172\.(?:1[6-9]|2\d|3[01])|169\.254|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7]))(?:\.\d{1,3})+`,
    String.raw`(?:192\.0\.2|198\.51\.100|203\.0\.113|198\.1[89]\.\d{1,3})\.\d{1,3}`,
    String.raw`\[(?:::1|f[cde][\da-f]*:[\da-f:]*|2001:db8:[\da-f:]*)\]`,
    String.raw`localhost|(?:[a-z\d-]+\.)+(?:example|test|invalid|localhost)`,
  ];
  const local = new RegExp(String.raw`^(?:stun|turn)s?:(?:${addresses.join('|')})(?::\d+)?(?:\?.*)?$`, 'i');
  const check = (/** @type {RTCConfiguration | undefined} */ configuration) => {
    const servers = configuration?.iceServers;
    // Whatever else stands there is refused by the browser.
    if (!Array.isArray(servers)) return;
    for (const url of servers.flatMap((server) => server?.urls)) {
      if (typeof url === 'string' && /^(?:stun|turn)s?:/i.test(url) && !local.test(url)) throw new Error(`a test must not contact ${url}`);
    }
  };
  return class extends Native {
    constructor(/** @type {RTCConfiguration | undefined} */ configuration) {
      check(configuration);
      super(configuration);
    }

    setConfiguration(/** @type {RTCConfiguration | undefined} */ configuration) {
      check(configuration);
      super.setConfiguration(configuration);
    }
  };
}

/** The same for a page, before its own scripts run. */
export const localServersScript = `{
  const withLocalServers = ${withLocalServers};
  if (globalThis.RTCPeerConnection) globalThis.RTCPeerConnection = withLocalServers(globalThis.RTCPeerConnection);
}`;
