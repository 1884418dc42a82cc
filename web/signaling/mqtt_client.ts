/**
 * The MQTT client that `mqttSignaling` loads when it is used: a file of its own in the package, so that nobody else's page pays
 * for it.
 */
export { connect } from 'mqtt';
