// What the tests of signalling need, in one bundle: with the MQTT client inside.
export { closeCodes } from '../../../web/signaling/close_codes.js';
export { mqttSignaling } from '../../../web/signaling/mqtt.js';
export { pair } from '../../../web/signaling/rendezvous.js';
export { webSocketSignaling } from '../../../web/signaling/websocket.js';
