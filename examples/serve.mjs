// Serves the examples, and forwards messages between the members of a room. Millrace needs no more of a server.
//
//   node examples/serve.mjs [PORT]
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname } from 'node:path';
import { WebSocketServer } from 'ws';

const examples = new URL('.', import.meta.url);
const packageFiles = new URL('.', import.meta.resolve('millrace'));
const types = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };

async function serve(request, response) {
  try {
    // A parsed path has no '..' in it.
    const { pathname } = new URL(request.url, 'http://localhost');
    const path = pathname.endsWith('/') ? `${pathname}index.html` : pathname;
    const ofPackage = path.startsWith('/millrace/');
    const body = await readFile(ofPackage ? new URL(path.slice('/millrace/'.length), packageFiles) : new URL(`.${path}`, examples));
    response.writeHead(200, { 'content-type': types[extname(path)] ?? 'text/plain' }).end(body);
  } catch {
    response.writeHead(404).end('There is no such file.\n');
  }
}

const server = createServer((request, response) => void serve(request, response));

const rooms = new Map();
new WebSocketServer({ server, path: '/signal', maxPayload: 65_536 }).on('connection', (socket, { url }) => {
  const name = new URL(url, 'http://localhost').searchParams.get('room');
  const room = rooms.get(name) ?? new Set();
  rooms.set(name, room.add(socket));
  socket.on('message', (message) => room.forEach((other) => other !== socket && other.send(String(message))));
  socket.on('close', () => room.delete(socket) && room.size === 0 && rooms.delete(name));
  socket.on('error', () => socket.terminate());
});

server.listen(Number(process.argv[2] ?? 8080), '127.0.0.1', () => console.log(`http://localhost:${server.address().port}/`));
