import mqtt from 'mqtt';

/**
 * The MQTT client that `mqttSignaling` loads when it is used: a file of its own in the package, so that nobody else's page pays
 * for it. (Its build for browsers has a default export only.)
 */
export const { connect } = mqtt;
