import { isRecord } from './is_record.js';

/**
 * The STUN and TURN servers that a Millrace server offers at `<server>/ice`, with fresh credentials, as an `RTCConfiguration`.
 * Empty where the server offers none or cannot be reached: connections within one network work without them.
 */
export async function fetchIceServers(server: URL | string): Promise<RTCConfiguration> {
  try {
    const response = await fetch(new URL('ice', server));
    const answer: unknown = response.ok ? await response.json() : undefined;
    return isRecord(answer) && Array.isArray(answer['iceServers']) ? { iceServers: answer['iceServers'] as RTCIceServer[] } : {};
  } catch {
    return {};
  }
}
