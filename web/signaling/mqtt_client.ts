import mqtt from 'mqtt';

/**
 * The MQTT client that `mqttSignaling` loads on use: a file of its own in the package, so that other pages do not load it. (Its
 * build for browsers has a default export only.)
 */
export const { connect } = mqtt;
