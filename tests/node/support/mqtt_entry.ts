// What the tests of mqttSignaling need, in one bundle: with the client inside.
export { mqttSignaling } from '../../../web/signaling/mqtt.js';
export { pair } from '../../../web/signaling/rendezvous.js';
