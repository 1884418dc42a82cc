import type { IncomingMessage } from 'node:http';

const hostPattern = /^(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

/**
 * The host, with its port, by which clients reach this server; undefined where the request does not name one.
 * `trustedProxies`: the number of proxies in front; if there are any, X-Forwarded-Host replaces Host.
 */
export function ownHost(request: IncomingMessage, trustedProxies: number): string | undefined {
  const forwarded = trustedProxies === 0 ? [] : String(request.headers['x-forwarded-host'] ?? '').split(',');
  const host = (forwarded.at(-trustedProxies) ?? forwarded[0])?.trim() || request.headers.host;
  return host !== undefined && hostPattern.test(host) ? host : undefined;
}

/**
 * Whether the sender of a WebSocket upgrade may use the signalling: a page of this server, a page of one of the `allowed`
 * origins (`*`: any), or a program that is no browser. Browsers send an Origin with each upgrade, and pages cannot change it.
 */
export function isOriginAllowed(request: IncomingMessage, allowed: readonly string[], trustedProxies: number): boolean {
  const { origin } = request.headers;
  if (origin === undefined || allowed.includes('*') || allowed.includes(origin)) return true;
  const host = ownHost(request, trustedProxies);
  if (host === undefined || !URL.canParse(origin)) return false;
  const { protocol, host: originHost } = new URL(origin);
  if (protocol !== 'http:' && protocol !== 'https:') return false;
  const own = `${protocol}//${host}`;
  // Parsing removes the default port. Host and Origin may differ in whether they name it.
  return URL.canParse(own) && new URL(own).host === originHost;
}

/**
 * Whether a request comes from a program on this machine. A proxy on this machine connects from the loopback address, too, but adds
 * a header about its client.
 */
export function isLocal(request: IncomingMessage): boolean {
  const address = request.socket.remoteAddress ?? '';
  const isLoopback = /^(::ffff:)?127\./.test(address) || address === '::1';
  return isLoopback && ['x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'forwarded', 'via'].every((name) => request.headers[name] === undefined);
}
