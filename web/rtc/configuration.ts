import { MillraceError } from '../api/errors.js';
import { defaultIceServers } from '../api/ice_servers.js';
import type { RtcOption } from '../api/options.js';
import { isRecord } from '../base/is_record.js';

/** An address of a server: RFC 7064, section 3.1, and RFC 7065, section 3.1. Only a TURN address may name a transport. */
const ADDRESS = /^(?:stuns?|(turns?)):(?:\[[\da-f:.]+\]|[^\s/?#@:[\]]+)(?::(\d{1,5}))?(\?transport=(?:udp|tcp))?$/i;
const MAX_PORT = 65_535;
const MAX_SHOWN_LENGTH = 60;

/** Checks the option `rtc`. Errors: as `checkConfiguration`; what a function returns is checked when it was asked. */
export function checkRtcOption(rtc: unknown): asserts rtc is RtcOption | undefined {
  if (rtc !== undefined && typeof rtc !== 'function') checkConfiguration(rtc);
}

/**
 * Checks the servers of a configuration; everything else in it is checked by the browser.
 * Errors: throws 'invalid-argument', which names the part (`rtc.iceServers[1].urls`) and never shows a credential.
 */
export function checkConfiguration(rtc: unknown): asserts rtc is RTCConfiguration {
  try {
    checkServers(rtc);
  } catch (caught) {
    throw MillraceError.from(caught, 'invalid-argument');
  }
}

function checkServers(rtc: unknown): void {
  demand(isRecord(rtc) && !Array.isArray(rtc), 'rtc', 'an RTCConfiguration, or a function that returns one');
  demand(typeof rtc['then'] !== 'function', 'rtc', 'a configuration or a function, not a promise');
  const { iceServers } = rtc;
  if (iceServers === undefined) return;
  demand(Array.isArray(iceServers), 'rtc.iceServers', 'an array');
  for (const [index, server] of iceServers.entries()) checkServer(server, `rtc.iceServers[${index}]`);
}

/**
 * The configuration that connections use. Without `iceServers` they use the default STUN servers, unless only relays are allowed.
 * `privacy`: they use the TURN servers of `rtc`, and contact no others.
 * Errors: throws 'invalid-argument' where `privacy` finds no TURN server.
 */
export function completeConfiguration(rtc: RTCConfiguration, privacy: boolean): RTCConfiguration {
  if (privacy) {
    const iceServers = keepUrls(rtc, isTurnUrl);
    demand(iceServers.length > 0, 'rtc.iceServers', 'a list with a TURN server (turn: or turns:), because of privacy');
    return { ...rtc, iceServers, iceTransportPolicy: 'relay' };
  }
  if (rtc.iceServers !== undefined) return rtc;
  return { ...rtc, iceServers: rtc.iceTransportPolicy === 'relay' ? [] : [...defaultIceServers] };
}

/** Whether a configuration names a TURN server. */
export function hasTurnServer(rtc: RTCConfiguration): boolean {
  return keepUrls(rtc, isTurnUrl).length > 0;
}

/** The same configuration for a connection that looks for direct paths only. */
export function withoutRelays(rtc: RTCConfiguration): RTCConfiguration {
  return { ...rtc, iceServers: keepUrls(rtc, (url) => !isTurnUrl(url)) };
}

/** The servers with those of their addresses that `keep` accepts. */
function keepUrls({ iceServers = [] }: RTCConfiguration, keep: (url: string) => boolean): RTCIceServer[] {
  const kept = iceServers.map((server) => ({ ...server, urls: [server.urls].flat().filter(keep) }));
  return kept.filter(({ urls }) => urls.length > 0);
}

/** Whether the address is that of a TURN server. */
export function isTurnUrl(url: string): boolean {
  return /^turns?:/i.test(url);
}

function checkServer(server: unknown, name: string): void {
  demand(isRecord(server) && !Array.isArray(server), name, 'an object with urls');
  const { urls, username, credential } = server;
  const list: unknown = typeof urls === 'string' ? [urls] : urls;
  demand(Array.isArray(list) && list.length > 0, `${name}.urls`, 'an address, or an array of addresses');
  for (const url of list as unknown[]) {
    const expected = 'addresses such as stun:stun.example.org:3478 or turn:turn.example.org?transport=tcp';
    demand(isAddress(url), `${name}.urls`, `${expected}, not ${typeof url === 'string' ? JSON.stringify(url.slice(0, MAX_SHOWN_LENGTH)) : typeof url}`);
    if (!isTurnUrl(url)) continue;
    demand(typeof username === 'string' && username !== '', `${name}.username`, 'a text: a TURN server needs it');
    demand(typeof credential === 'string' && credential !== '', `${name}.credential`, 'a text: a TURN server needs it');
  }
}

function isAddress(url: unknown): url is string {
  const match = typeof url === 'string' ? ADDRESS.exec(url) : null;
  if (!match) return false;
  const [, turn, port = '1', transport] = match;
  return Number(port) >= 1 && Number(port) <= MAX_PORT && (transport === undefined || turn !== undefined);
}

function demand(holds: boolean, name: string, expected: string): asserts holds {
  if (!holds) throw new MillraceError('invalid-argument', `${name} must be ${expected}`);
}
