import { ofTrystero } from '../../examples/other-libraries/channels.js';
import { createTopicStrategy } from '@trystero-p2p/core';

/** Its README, "Write your own strategy" and "Binary metadata": `action.send(data)`, which cuts it into chunks itself. */
export async function connectTrystero(_initiator, signaling) {
  const topics = new Map();
  signaling.listen(({ topic, payload }) => topics.get(topic)?.(topic, payload));
  const joinRoom = createTopicStrategy({
    init: () => signaling,
    subscribeTopic(_client, topic, onMessage) {
      topics.set(topic, onMessage);
      return () => topics.delete(topic);
    },
    publishTopic: (client, topic, payload) => client.send({ topic, payload }),
  });
  const room = joinRoom({ appId: 'millrace-bench', rtcConfig: { iceServers: [] } }, 'room');
  const action = room.makeAction('file');
  const peerId = await new Promise((resolve) => {
    room.onPeerJoin = resolve;
  });
  return {
    channel: () => ofTrystero(room, peerId),
    send: (file) => action.send(file),
    received: (bytes) =>
      new Promise((resolve) => {
        action.onMessage = (file) => {
          if (file.byteLength === bytes) resolve();
        };
      }),
  };
}
