import type { Signaling } from '../api/options.js';
import { text } from '../api/shape.js';
import { CarriedSignaling } from './carried.js';
import { serverTexts } from './server_texts.js';

/**
 * Signalling between pages of one origin in one browser (`BroadcastChannel`): for demos, tests, two tabs.
 * `room`: the same name on both sides. A page that is closed or reloaded is noticed at once.
 * Errors: throws 'invalid-argument' for a room that is no text.
 */
export function broadcastSignaling(room: string): Signaling {
  text({ least: 1 }).check(room, 'room');
  const openWire = (listener: { opened(): void; heard(text: unknown): void }) => {
    const channel = new BroadcastChannel(`millrace-${room}`);
    const leave = (): void => channel.postMessage(serverTexts.left);
    channel.onmessage = ({ data }: MessageEvent<unknown>) => listener.heard(data);
    globalThis.addEventListener?.('pagehide', leave);
    // Not before the caller has its wire.
    queueMicrotask(() => listener.opened());
    return {
      send: (text: string) => channel.postMessage(text),
      close: () => {
        globalThis.removeEventListener?.('pagehide', leave);
        leave();
        channel.onmessage = null;
        channel.close();
      },
    };
  };
  return new CarriedSignaling(openWire, OPEN_TIMEOUT_MS);
}

/** It opens at once. */
const OPEN_TIMEOUT_MS = 1_000;
