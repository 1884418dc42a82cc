// A STUN and TURN server that answers what a test says: refusals that coturn gives only in a rare state, and garbage.
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';

const COOKIE = 0x2112a442;
const HEADER_BYTES = 20;
const ERROR_CLASS = 0x0110;
const SUCCESS_CLASS = 0x0100;
const [USER, REALM, PASSWORD] = ['user', 'test', 'password'];
const ATTRIBUTE = { errorCode: 0x0009, realm: 0x0014, nonce: 0x0015, messageIntegrity: 0x0008 };

function attribute(type, value) {
  const padded = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4);
  padded.writeUInt16BE(type, 0);
  padded.writeUInt16BE(value.length, 2);
  value.copy(padded, 4);
  return padded;
}

const errorCode = (code) => attribute(ATTRIBUTE.errorCode, Buffer.from([0, 0, Math.floor(code / 100), code % 100, ...Buffer.from('no')]));

/** An answer to `request` (RFC 8489, section 5). */
function answer(request, kind, attributes) {
  const body = Buffer.concat(attributes);
  const header = Buffer.from(request.subarray(0, HEADER_BYTES));
  header.writeUInt16BE(request.readUInt16BE(0) | kind, 0);
  header.writeUInt16BE(body.length, 2);
  return Buffer.concat([header, body]);
}

/** The same with a proof that it comes from a server which knows the password (section 14.5); some browsers ignore others. */
function signedAnswer(request, kind, attributes) {
  const unsigned = answer(request, kind, attributes);
  const bytes = 24;
  unsigned.writeUInt16BE(unsigned.length - HEADER_BYTES + bytes, 2);
  const key = createHash('md5').update(`${USER}:${REALM}:${PASSWORD}`).digest();
  return Buffer.concat([unsigned, attribute(ATTRIBUTE.messageIntegrity, createHmac('sha1', key).update(unsigned).digest())]);
}

const isRequest = (datagram) => datagram.length >= HEADER_BYTES && datagram.readUInt32BE(4) === COOKIE && (datagram.readUInt16BE(0) & 0x0110) === 0;

function hasAttribute(request, wanted) {
  for (let at = HEADER_BYTES; at + 4 <= request.length; at += 4 + Math.ceil(request.readUInt16BE(at + 2) / 4) * 4) {
    if (request.readUInt16BE(at) === wanted) return true;
  }
  return false;
}

/** Refuses with `code`, after it has asked for a name and password as every TURN server does. */
const refuse = (code) => (request) => {
  const isKnown = hasAttribute(request, ATTRIBUTE.messageIntegrity);
  const asks = [errorCode(401), attribute(ATTRIBUTE.realm, Buffer.from(REALM)), attribute(ATTRIBUTE.nonce, Buffer.from('0123456789'))];
  return [isKnown ? signedAnswer(request, ERROR_CLASS, [errorCode(code)]) : answer(request, ERROR_CLASS, asks)];
};

/** Nothing of this is an answer: other bytes, cut and overlong messages, one for another request, and successes that name no address. */
function garble(request) {
  const other = Buffer.from(request);
  randomBytes(12).copy(other, 8);
  const overlong = answer(request, SUCCESS_CLASS, []);
  overlong.writeUInt16BE(0xffff, 2);
  return [
    ...[0, 1, 19, 20, 1_200, 9_000].map((length) => randomBytes(length)),
    answer(request, SUCCESS_CLASS, []).subarray(0, 19),
    overlong,
    answer(other, SUCCESS_CLASS, []),
    answer(request, SUCCESS_CLASS, [attribute(0x7fff, randomBytes(500))]),
  ];
}

/**
 * Starts such a server on 127.0.0.1. `kind`: 'garbage', or the code of the refusal. Gives its `iceServers`, the number of requests so far,
 * and `stop`.
 */
export async function startHostileRelay(kind) {
  const answersTo = kind === 'garbage' ? garble : refuse(kind);
  const socket = createSocket('udp4');
  let requests = 0;
  socket.on('message', (datagram, { address, port }) => {
    if (!isRequest(datagram)) return;
    requests += 1;
    for (const text of answersTo(datagram)) socket.send(text, port, address);
  });
  await new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(0, '127.0.0.1', resolve);
  });
  const server = `127.0.0.1:${socket.address().port}`;
  return {
    iceServers: [{ urls: [`stun:${server}`] }, { urls: [`turn:${server}?transport=udp`], username: USER, credential: PASSWORD }],
    requests: () => requests,
    stop: () => new Promise((resolve) => socket.close(resolve)),
  };
}
