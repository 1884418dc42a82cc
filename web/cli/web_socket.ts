import WebSocket from 'ws';

/** Node.js 20 has none of its own. */
export function provideWebSocket(): void {
  globalThis.WebSocket ??= WebSocket as unknown as typeof globalThis.WebSocket;
}
