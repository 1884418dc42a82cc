import { MillraceError } from '../api/errors.js';
import type { Signaling } from '../api/options.js';
import type { Where } from '../api/room_types.js';
import { randomBase64Url } from '../base/ids.js';
import { isRecord } from '../base/is_record.js';
import { webSocketSignaling, type WebSocketSignaling, type WebSocketSignalingOptions } from '../signaling/websocket.js';

/** The ways to a room: by its name, and by the number of a code where there is a Millrace server. */
export interface Ways {
  /** Opens a signalling to the room for `size` members. Errors: throws as the signalling does. */
  open(room: string, size: number): Signaling;
  /** Opens a signalling to the room of a code. Undefined where there is no Millrace server. */
  readonly openByCode: ((nameplate: 'new' | Nameplate) => WebSocketSignaling) | undefined;
  /** For connections without an `rtc` of their own: what the Millrace server hands out. Undefined where there is no Millrace server. */
  readonly rtc: (() => Promise<RTCConfiguration>) | undefined;
  /** Closes a signalling that was passed and is not used. */
  discard(): void;
}

/** The number of a code; `room` for the member that waits with it. */
export interface Nameplate {
  readonly nameplate: number;
  readonly room?: string;
}

/** Members that a server lets into a room when it is not asked for more. */
const USUAL_SIZE = 2;

/** Errors: throws 'invalid-argument' for a value that is no `Where`. */
export function resolveWhere(where: Where): Ways {
  try {
    return waysOf(where);
  } catch (caught) {
    throw MillraceError.from(caught, 'invalid-argument');
  }
}

function waysOf(where: Where): Ways {
  if (typeof where === 'string' || where instanceof URL) return waysOfServer(where);
  if (typeof where === 'function') return { open: () => checkSignaling(where()), openByCode: undefined, rtc: undefined, discard: () => {} };
  const signaling = checkSignaling(where);
  let isTaken = false;
  const open = (): Signaling => {
    if (isTaken) throw new MillraceError('signaling-failed', 'the signalling failed and has no `reopen`: give the room a function that makes a new one');
    isTaken = true;
    return signaling;
  };
  const discard = (): void => {
    if (!isTaken) signaling.close?.();
    isTaken = true;
  };
  return { open, openByCode: undefined, rtc: undefined, discard };
}

function waysOfServer(where: string | URL): Ways {
  // A socket that replaces a lost one takes its place in the room.
  const member = randomBase64Url(16);
  const at = (parameters: Record<string, string | number>, options: WebSocketSignalingOptions = {}): WebSocketSignaling => {
    const url = toUrl(where);
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, String(value));
    return webSocketSignaling(url, options);
  };
  // At once, so that a wrong address is refused where it was passed.
  toUrl(where);
  let room: WebSocketSignaling | undefined;
  let visit: WebSocketSignaling | undefined;
  return {
    open: (name, size) => (room = at({ room: name, ...(size > USUAL_SIZE ? { size } : {}) }, { member })),
    openByCode: (nameplate) => (visit = at(nameplate === 'new' ? { nameplate } : { ...nameplate })),
    rtc: () => serversOf(room ?? visit),
    discard: () => {},
  };
}

/** A server that hands out none leaves the default ones. */
async function serversOf(signaling: WebSocketSignaling | undefined): Promise<RTCConfiguration> {
  const { iceServers = [] } = (await signaling?.iceServers()) ?? {};
  return iceServers.length > 0 ? { iceServers } : {};
}

function toUrl(where: string | URL): URL {
  let url: URL;
  try {
    url = new URL(where, globalThis.location?.href);
  } catch {
    throw new MillraceError('invalid-argument', 'where: an address must be like wss://example.org/signal');
  }
  if (!/^(wss?|https?):$/.test(url.protocol)) throw new MillraceError('invalid-argument', `where: ${url.protocol} is no address of a signalling server`);
  return url;
}

function checkSignaling(value: unknown): Signaling {
  if (isRecord(value) && typeof value.send === 'function') return value as unknown as Signaling;
  throw new MillraceError('invalid-argument', 'where must be an address, a signalling, or a function that makes one');
}
