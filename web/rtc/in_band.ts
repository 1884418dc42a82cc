import { isRecord } from '../base/is_record.js';
import { parseConnectionMessage, type ConnectionMessage } from '../signaling/envelope.js';

/** A step of setting up a control connection. `link`: its number. */
export type ConnectionStep = ConnectionMessage & { link: number };

/** Tells such texts apart from others between the two windows, which are JSON. */
const PREFIX = 'ice ';

/** A step as a text that goes over the connection itself. */
export function toInBand(step: ConnectionStep): string {
  return PREFIX + JSON.stringify(step);
}

export function isInBand(text: string): boolean {
  return text.startsWith(PREFIX);
}

/** The step, rebuilt from its valid fields; undefined if it is invalid. */
export function fromInBand(text: string): ConnectionStep | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text.slice(PREFIX.length));
  } catch {
    return undefined;
  }
  const step = parseConnectionMessage(value);
  const link = isRecord(value) ? value['link'] : undefined;
  return step && typeof link === 'number' ? { ...step, link } : undefined;
}
