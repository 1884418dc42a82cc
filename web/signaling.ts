/**
 * Ways for two sides to find each other.
 *
 * @module millrace/signaling
 */
export { broadcastSignaling } from './signaling/broadcast.js';
export { channelSignaling, type TextChannel } from './signaling/channel.js';
export { closeCodes } from './signaling/close_codes.js';
export { manualSignaling, type ManualSignaling, type ManualSignalingOptions } from './signaling/manual.js';
export { mqttSignaling, type MqttSignalingOptions } from './signaling/mqtt.js';
export { webSocketSignaling, type Place, type WebSocketSignaling, type WebSocketSignalingOptions } from './signaling/websocket.js';
export type { Signaling } from './api/options.js';
