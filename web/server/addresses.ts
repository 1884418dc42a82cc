import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/**
 * The address that limits per address count for a request: an IPv4 address, or the /64 network of an IPv6 address, which is
 * what one customer has.
 * `trustedProxies`: the number of proxies in front of this server. Each of them appends the address of its own client to
 * X-Forwarded-For. Only their entries count: the client may have sent a header of its own, which comes before theirs. 0: the
 * header is ignored.
 */
export function clientAddress(request: IncomingMessage, trustedProxies: number): string {
  return networkOf(forwardedAddress(request, trustedProxies) ?? request.socket.remoteAddress ?? 'unknown');
}

function forwardedAddress(request: IncomingMessage, trustedProxies: number): string | undefined {
  if (trustedProxies === 0) return undefined;
  // Node.js joins repeated headers with a comma, which means the same.
  const header = String(request.headers['x-forwarded-for'] ?? '');
  const address = header.split(',').at(-trustedProxies)?.trim() ?? '';
  return isIP(address) === 0 ? undefined : address;
}

function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped?.[1] !== undefined) return mapped[1];
  const [head = '', tail] = (address.split('%')[0] ?? '').toLowerCase().split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  // An IPv4 address at the end stands for two groups.
  const length = last.length + (last.at(-1)?.includes('.') ? 1 : 0);
  const gap = tail === undefined ? [] : Array.from({ length: 8 - first.length - length }, () => '0');
  const groups = [...first, ...gap, ...last].slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${groups.join(':')}::/64`;
}
