/** `millrace/signaling`: ways for two sides to find each other. */
export { broadcastSignaling } from './broadcast.js';
export { webSocketSignaling, type WebSocketSignalingOptions } from './websocket.js';
export type { Signaling } from '../options.js';
