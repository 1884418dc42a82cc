import WebSocket from 'ws';

/** Node.js 20 has no WebSocket. */
export function provideWebSocket(): void {
  globalThis.WebSocket ??= WebSocket as unknown as typeof globalThis.WebSocket;
}
