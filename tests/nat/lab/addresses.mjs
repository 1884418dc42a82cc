// The addresses of the laboratory, from the ranges that are reserved for documentation (RFC 5737, RFC 3849).

/** In the internet namespace: TURN and STUN; the site; a second STUN server. */
export const servers = {
  turn: { four: '203.0.113.1', six: '2001:db8::1' },
  site: { four: '203.0.113.2', six: '2001:db8::2' },
  stun: { four: '203.0.113.3', six: '2001:db8::3' },
};

export const STUN_PORT = 3478;
export const TLS_PORT = 443;
/** Of the second TURN server, at the address of the second STUN server. coturn listens at STUN_PORT + 1, too. */
export const SPARE_PORT = 3490;
/** TURN over TCP through a slow link. */
export const SLOW_PORT = 3480;

export const SITE_NAME = 'site.millrace.test';
export const TURN_NAME = 'turn.millrace.test';

/** What /etc/hosts says inside the namespaces: there is no DNS. */
export const hosts = [
  '127.0.0.1 localhost',
  `${servers.site.four} ${SITE_NAME}`, `${servers.site.six} ${SITE_NAME}`, `${servers.turn.four} ${TURN_NAME}`, `${servers.turn.six} ${TURN_NAME}`,
].join('\n');

/** Of routers and open clients. */
export const clientAddresses = { first: '203.0.113.10', last: '203.0.113.250' };

/** Of routers and open clients: host numbers from 10 on, each used again as late as possible. */
export class PublicAddresses {
  #next = 10;

  /** @returns {{ four: string, six: string, prefix: string }} `prefix`: an IPv6 network of 64 bits that is routed to `six` */
  take() {
    const host = this.#next;
    this.#next = host === 250 ? 10 : host + 1;
    return { four: `203.0.113.${host}`, six: `2001:db8::${host}`, prefix: `2001:db8:${host}:1::` };
  }
}
