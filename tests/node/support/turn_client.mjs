// A TURN client that says little: it asks for relays and for permissions, and gives the server's answer codes.
import { createHash, createHmac, randomBytes } from 'node:crypto';
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';

// RFC 8489 and RFC 8656.
const MAGIC_COOKIE = 0x2112a442;
const methods = { allocate: 0x003, refresh: 0x004, createPermission: 0x008 };
const attributes = { username: 0x0006, messageIntegrity: 0x0008, errorCode: 0x0009, lifetime: 0x000d, xorPeerAddress: 0x0012, realm: 0x0014,
  nonce: 0x0015, requestedAddressFamily: 0x0017, requestedTransport: 0x0019 };
const ANSWER_MS = 5_000;
const RETRANSMIT_MS = 500;

function attribute(type, value) {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value, Buffer.alloc((4 - (value.length % 4)) % 4)]);
}

function message(type, transaction, body, extraLength = 0) {
  const head = Buffer.alloc(20);
  head.writeUInt16BE(type);
  head.writeUInt16BE(body.length + extraLength, 2);
  head.writeUInt32BE(MAGIC_COOKIE, 4);
  transaction.copy(head, 8);
  return Buffer.concat([head, body]);
}

function parse(packet) {
  const found = new Map();
  for (let at = 20; at + 4 <= packet.length; ) {
    const length = packet.readUInt16BE(at + 2);
    found.set(packet.readUInt16BE(at), packet.subarray(at + 4, at + 4 + length));
    at += 4 + length + ((4 - (length % 4)) % 4);
  }
  return found;
}

/** The 4 or 16 bytes of an address. */
function addressBytes(address) {
  if (net.isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  // The parser of URLs writes IPv6 addresses in one form, without dotted quads.
  const [head, tail] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::');
  const groups = (text) => (text ? text.split(':') : []);
  const missing = 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...Array.from({ length: tail === undefined ? 0 : missing }, () => '0'), ...groups(tail)];
  return Buffer.from(all.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]));
}

export class TurnClient {
  #send;
  #close;
  #retransmits = false;
  #credential;
  #challenge = [];
  #key;
  #waiting = new Map();

  /** `transport`: 'udp', 'tcp' or 'tls'. `credential`: `{ username, credential }`. */
  static async open(transport, port, credential) {
    const client = new TurnClient();
    client.#credential = credential;
    if (transport === 'udp') {
      const socket = dgram.createSocket('udp4');
      socket.on('message', (packet) => client.#hear(packet));
      client.#retransmits = true;
      client.#send = (packet) => socket.send(packet, port, '127.0.0.1');
      client.#close = () => socket.close();
    } else {
      const socket = transport === 'tcp' ? net.connect(port, '127.0.0.1') : tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
      await once(socket, transport === 'tcp' ? 'connect' : 'secureConnect');
      let buffered = Buffer.alloc(0);
      socket.on('data', (data) => {
        buffered = Buffer.concat([buffered, data]);
        while (buffered.length >= 20 && buffered.length >= 20 + buffered.readUInt16BE(2)) {
          const length = 20 + buffered.readUInt16BE(2);
          client.#hear(buffered.subarray(0, length));
          buffered = buffered.subarray(length);
        }
      });
      socket.on('error', () => {});
      client.#send = (packet) => socket.write(packet);
      client.#close = () => socket.destroy();
    }
    return client;
  }

  close() {
    this.#close();
  }

  /** `family`: 4 or 6; `relay`: 'udp' or 'tcp'. Gives 200 or the error code. */
  async allocate({ family = 4, relay = 'udp' } = {}) {
    const body = [attribute(attributes.requestedTransport, Buffer.from([relay === 'udp' ? 17 : 6, 0, 0, 0]))];
    if (family === 6) body.push(attribute(attributes.requestedAddressFamily, Buffer.from([2, 0, 0, 0])));
    return this.#request(methods.allocate, body);
  }

  /** Asks whether the relay may send to `address`; nothing is sent there. Gives 200 or the error code. */
  async permit(address) {
    const bytes = addressBytes(address);
    return this.#request(methods.createPermission, [(transaction) => {
      const cookie = Buffer.alloc(4);
      cookie.writeUInt32BE(MAGIC_COOKIE);
      const mask = Buffer.concat([cookie, transaction]);
      const head = Buffer.from([0, bytes.length === 4 ? 1 : 2, 0x21 ^ 0x12, 0x12 ^ 0x34]);
      return attribute(attributes.xorPeerAddress, Buffer.concat([head, bytes.map((byte, index) => byte ^ mask[index])]));
    }]);
  }

  /** Prolongs the relay by `seconds`. Gives 200 or the error code. */
  async refresh(seconds) {
    const lifetime = Buffer.alloc(4);
    lifetime.writeUInt32BE(seconds);
    return this.#request(methods.refresh, [attribute(attributes.lifetime, lifetime)]);
  }

  async #request(method, parts) {
    for (;;) {
      const transaction = randomBytes(12);
      let body = Buffer.concat([...parts.map((part) => (typeof part === 'function' ? part(transaction) : part)), ...this.#challenge]);
      if (this.#key !== undefined) {
        const mac = createHmac('sha1', this.#key).update(message(method, transaction, body, 24)).digest();
        body = Buffer.concat([body, attribute(attributes.messageIntegrity, mac)]);
      }
      const answer = await this.#exchange(message(method, transaction, body), transaction);
      const error = answer.get(attributes.errorCode);
      const code = error === undefined ? 200 : error[2] * 100 + error[3];
      const isFirst = code === 401 && this.#key === undefined;
      if (!isFirst && code !== 438) return code;
      // Not authenticated yet, or the nonce is stale.
      const { username, credential } = this.#credential;
      const [realm, nonce] = [answer.get(attributes.realm), answer.get(attributes.nonce)];
      this.#challenge = [attribute(attributes.username, Buffer.from(username)), attribute(attributes.realm, realm), attribute(attributes.nonce, nonce)];
      this.#key = createHash('md5').update(`${username}:${realm}:${credential}`).digest();
    }
  }

  async #exchange(packet, transaction) {
    const answered = new Promise((resolve, reject) => {
      const again = this.#retransmits ? setInterval(() => this.#send(packet), RETRANSMIT_MS) : undefined;
      const end = () => {
        clearInterval(again);
        clearTimeout(timer);
      };
      const timer = setTimeout(() => {
        end();
        reject(new Error('the TURN server does not answer'));
      }, ANSWER_MS);
      this.#waiting.set(transaction.toString('hex'), (answer) => {
        end();
        resolve(answer);
      });
    });
    this.#send(packet);
    return answered;
  }

  #hear(packet) {
    const id = packet.subarray(8, 20).toString('hex');
    this.#waiting.get(id)?.(parse(packet));
    this.#waiting.delete(id);
  }
}
