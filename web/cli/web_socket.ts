import { request as requestPlain, Agent, type ClientRequest } from 'node:http';
import { request as requestSecure } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect as connectSecurely } from 'node:tls';
import WebSocket from 'ws';
import { proxyFor, type Environment } from './proxy.js';

/**
 * Sockets through the proxy of the environment, with errors that say what to do. Node.js 20 has no WebSocket, and that of later ones
 * neither uses a proxy nor says why it failed.
 */
export function provideWebSocket(env: Environment): void {
  class Socket extends WebSocket {
    constructor(address: string | URL, protocols?: string | string[]) {
      const url = new URL(address);
      const proxy = proxyFor(url, env);
      super(address, protocols, proxy ? { agent: new TunnelAgent(proxy, url.protocol === 'wss:') } : {});
    }

    override emit(event: string | symbol, ...args: unknown[]): boolean {
      const [error] = args;
      if (event === 'error' && error instanceof Error) error.message = explain(error);
      return super.emit(event, ...args);
    }
  }
  globalThis.WebSocket = Socket as unknown as typeof globalThis.WebSocket;
}

/** Asks the proxy for a tunnel (RFC 9110, CONNECT). */
class TunnelAgent extends Agent {
  /** Node.js compares it with that of the address. */
  readonly protocol: string;
  readonly #proxy: URL;

  constructor(proxy: URL, isSecure: boolean) {
    super();
    this.#proxy = proxy;
    this.protocol = isSecure ? 'https:' : 'http:';
  }

  override createConnection(options: object, done: (error: Error | null, socket: Duplex) => void): undefined {
    const { host, port, servername = host } = options as { host: string; port: number | string; servername?: string };
    const target = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    const fail = (why: string): void => done(new Error(`the proxy ${this.#proxy.host} ${why}`), undefined as unknown as Duplex);
    const asked = this.#ask(target);
    asked.once('connect', ({ statusCode }, socket) => {
      if (statusCode !== 200) {
        socket.destroy();
        fail(statusCode === 407 ? 'asks for a name and a password: put them into its address' : `refused with ${statusCode}`);
      } else {
        done(null, this.protocol === 'https:' ? connectSecurely({ socket, servername }) : socket);
      }
    });
    asked.once('error', (error: Error) => fail(`cannot be reached: ${explain(error)}`));
    asked.end();
    return undefined;
  }

  #ask(target: string): ClientRequest {
    const { protocol, hostname, port, username, password } = this.#proxy;
    const ask = protocol === 'https:' ? requestSecure : requestPlain;
    const login = username && Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64');
    const headers = { host: target, ...(login ? { 'proxy-authorization': `Basic ${login}` } : {}) };
    return ask({ hostname, port: port || (protocol === 'https:' ? 443 : 80), method: 'CONNECT', path: target, headers, agent: false });
  }
}

/** What went wrong with a connection, and what to do. */
export function explain(error: Error): string {
  const { code, hostname, address, port } = error as Error & { code?: string; hostname?: string; address?: string; port?: number };
  switch (code) {
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return `nobody whom this machine trusts has signed the server's certificate (${code}). If the server is yours, name the file of its certificate in NODE_EXTRA_CA_CERTS`;
    case 'CERT_HAS_EXPIRED':
      return `the server's certificate has expired (${code})`;
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `the server's certificate is for another name: use the name that it was made for (${error.message})`;
    case 'ECONNREFUSED':
      return `nothing listens at ${address ?? 'the address'}${port === undefined ? '' : ` port ${port}`}: is the server running? (${code})`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `there is no host ${hostname ?? ''} that could be found: check the address, and the network (${code})`;
    case 'EPROTO':
      return `the server does not speak TLS there: an address with http:// may be right (${code})`;
    default:
      return error.message;
  }
}
