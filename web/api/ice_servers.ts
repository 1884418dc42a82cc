/**
 * The STUN servers of a connection whose `rtc` names no `iceServers`: two operators, so that one of them may fail. Each operator sees
 * the public address of this machine and the time of the request, and nothing else.
 */
export const defaultIceServers: readonly Readonly<RTCIceServer>[] = /* @__PURE__ */ Object.freeze([
  /* @__PURE__ */ Object.freeze({ urls: 'stun:stun.cloudflare.com:3478' }),
  /* @__PURE__ */ Object.freeze({ urls: 'stun:stun.l.google.com:19302' }),
]);
