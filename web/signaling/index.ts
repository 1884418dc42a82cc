/**
 * Ways for two sides to find each other.
 *
 * @module millrace/signaling
 */
export { broadcastSignaling } from './broadcast.js';
export { closeCodes } from './close_codes.js';
export { manualSignaling, type ManualSignaling } from './manual.js';
export { mqttSignaling, type MqttSignalingOptions } from './mqtt.js';
export { webSocketSignaling, type Place, type WebSocketSignaling, type WebSocketSignalingOptions } from './websocket.js';
export type { Signaling } from '../options.js';
