import { randomBase64Url } from '../base/ids.js';
import type { Sink } from '../index.js';

/** The options in the page's address. All of them are in the fragment, which browsers never send to a server. */
export interface PageOptions {
  readonly room: string | null;
  /** The link key, which authenticates both sides; an invite link without one still works. */
  readonly key: string | null;
  /** The key has been in an address that a server saw. */
  readonly exposed: boolean;
  readonly worker: boolean | undefined;
  readonly sink: Sink;
}

const roomPattern = /^[A-Za-z0-9_-]{16,64}$/;
/** 128 bits or more. */
const keyPattern = /^[A-Za-z0-9_-]{22,64}$/;

/** Reads `#room=…&key=…&worker=0&sink=memory`; the last two may also be in the query. `hash`, `search`: as in `Location`. */
export function readPageOptions(hash: string, search: string): PageOptions {
  const fragment = new URLSearchParams(hash.slice(1));
  const query = new URLSearchParams(search);
  const room = fragment.get('room');
  const key = fragment.get('key');
  const worker = fragment.get('worker') ?? query.get('worker');
  const sink = fragment.get('sink') ?? query.get('sink');
  return {
    // A damaged key must not lead to a session without authentication.
    room: room !== null && roomPattern.test(room) && (key === null || keyPattern.test(key)) ? room : null,
    key,
    exposed: fragment.has('exposed'),
    worker: worker === '0' ? false : worker === '1' ? true : undefined,
    sink: sink === 'memory' || sink === 'opfs' ? sink : 'auto',
  };
}

/** A room or a key that nobody guesses: 128 random bits. */
export function makeId(): string {
  return randomBase64Url(16);
}

/** The fragment of an invite link, with its '#'. */
export function inviteFragment(room: string, key: string | null): string {
  return `#room=${room}${key === null ? '' : `&key=${key}`}`;
}

/** The invite link: the page's own address with the room and its key. */
export function makeInviteLink(location: Location, room: string, key: string | null): string {
  return `${location.origin}${location.pathname}${location.search}${inviteFragment(room, key)}`;
}

/** The address of a file of this site, without the name and the password that a person may have typed in front of the host: browsers refuse to fetch such an address. */
export function siteUrl(path: string): string {
  return new URL(path, location.origin + location.pathname).href;
}

/** The address of this site's signalling for `room`. It does not reveal the key to the server. */
export function roomUrl(location: Location, room: string): string {
  return signalUrl(location, 'room', room);
}

/** The same for the nameplate of a short code, or 'new'. */
export function nameplateUrl(location: Location, nameplate: string): string {
  return signalUrl(location, 'nameplate', nameplate);
}

function signalUrl(location: Location, name: string, value: string): string {
  const url = new URL('signal', location.origin + location.pathname);
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  url.searchParams.set(name, value);
  return url.href;
}
