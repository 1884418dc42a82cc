// UDP sockets inside a namespace, which show what a router does with packets.
import { createSocket } from 'node:dgram';
import { serve } from './helper.mjs';

/** @typedef {{ text: string, address: string, port: number }} Packet */

/** @type {Map<string, { socket: import('node:dgram').Socket, received: Packet[] }>} */
const sockets = new Map();

serve(
  {
    /** `name`: of the socket, for the other calls. @param {string} name @param {string} address @param {number} [port] */
    async bind(name, address, port = 0) {
      const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
      await new Promise((resolve, reject) => {
        socket.once('error', reject);
        socket.bind(port, address, () => resolve(undefined));
      });
      /** @type {Packet[]} */
      const received = [];
      socket.on('message', (message, from) => received.push({ text: String(message), address: from.address, port: from.port }));
      socket.on('error', () => {});
      sockets.set(name, { socket, received });
    },
    /** @param {string} name @param {string} address @param {number} port @param {string} text */
    send: (name, address, port, text) => void sockets.get(name)?.socket.send(text, port, address),
    /** The packets since the last call. @param {string} name @returns {Packet[]} */
    take: (name) => sockets.get(name)?.received.splice(0) ?? [],
  },
  async () => {
    for (const { socket } of sockets.values()) socket.close();
  },
);
