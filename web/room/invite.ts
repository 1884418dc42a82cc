import { MillraceError } from '../api/errors.js';
import { randomBase64Url } from '../base/ids.js';
import { findFragment } from '../base/invite_link.js';
import { normalizeCode } from '../secrets/code.js';
import { createLinkKey, decodeLinkKey } from '../secrets/link_key.js';

/** What lets others into a room. */
export interface Invite {
  /** The room at the signalling: 16 to 64 of `A-Z a-z 0-9 _ -`. */
  readonly room: string;
  /** The secret of all sessions of the room. */
  readonly key: string;
}

/** A short code. */
export interface CodeInvite {
  /** As both sides compare it. */
  readonly code: string;
  /** Its number at the signalling server. */
  readonly nameplate: number;
}

const ROOM = /^[A-Za-z0-9_-]{16,64}$/;
const MAX_LENGTH = 4_096;
const MAX_KEY_LENGTH = 128;

/** A new room that nobody guesses, with a new key: 128 random bits each. */
export function drawInvite(): Invite {
  return { room: randomBase64Url(16), key: createLinkKey(128) };
}

/** The invite as one word that may stand anywhere in an address. */
export function formatInvite({ room, key }: Invite): string {
  return `${room}.${key}`;
}

/**
 * Reads what `Room.invite` gave, an address that carries it behind its `#` or as the last part of its path, a link of the demo
 * site (`#room=…&key=…`), also with words around it and with the damage of programs that pass links on, or a code. Spaces around it do
 * not matter.
 * Errors: throws 'invalid-argument' for anything else.
 */
export function parseInvite(text: unknown): Invite | CodeInvite {
  if (typeof text === 'string' && text.length <= MAX_LENGTH) {
    const found = parsePlain(text.trim()) ?? parseLink(text.trim()) ?? parseCode(text);
    if (found) return found;
  }
  throw new MillraceError('invalid-argument', 'invite: it is neither an invite, nor a link with one, nor a code. Ask for it again');
}

function parsePlain(text: string): Invite | undefined {
  const [room = '', key = '', ...more] = text.split('.');
  return more.length === 0 ? toInvite(room, key) : undefined;
}

function parseLink(text: string): Invite | undefined {
  const ofSite = new URLSearchParams(findFragment(text)?.slice(1));
  const named = toInvite(ofSite.get('room') ?? '', ofSite.get('key') ?? '');
  if (named) return named;
  const [address = '', ...fragments] = text.split('#');
  const fragment = fragments.join('#');
  // `#INVITE`, `#anything=INVITE` and `/INVITE`.
  const words = [fragment, ...new URLSearchParams(fragment).values(), address.split('?')[0]!.split('/').at(-1)!];
  return words.map(parsePlain).find((invite) => invite !== undefined);
}

function parseCode(text: string): CodeInvite | undefined {
  const code = normalizeCode(text);
  const number = /^([1-9]\d{0,8})-./.exec(code)?.[1];
  return number === undefined ? undefined : { code, nameplate: Number(number) };
}

function toInvite(room: string, key: string): Invite | undefined {
  if (!ROOM.test(room) || key.length > MAX_KEY_LENGTH) return undefined;
  const bytes = decodeLinkKey(key);
  bytes?.fill(0);
  return bytes === undefined ? undefined : { room, key };
}
