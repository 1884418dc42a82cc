import type { Signaling } from '../options.js';

/**
 * Signalling between pages of the same origin in the same browser (`BroadcastChannel`): demos, tests, two tabs.
 * `room`: both sides name the same one.
 */
export function broadcastSignaling(room: string): Signaling {
  const channel = new BroadcastChannel(`millrace-${room}`);
  const signaling: Signaling = {
    onmessage: null,
    send: (message) => channel.postMessage(message),
    close() {
      channel.onmessage = null;
      channel.close();
    },
  };
  channel.onmessage = (event: MessageEvent<unknown>) => signaling.onmessage?.(event.data);
  return signaling;
}
