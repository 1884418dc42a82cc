/** From the page that waits with a short code, once its session is up. */
export const metMessage = { millrace: 1, type: 'met' } as const;

/**
 * The fixed messages between a page and Millrace's signalling server. Each has exactly this text, so the server need not parse
 * the messages that it forwards.
 */
export const serverTexts = {
  /** To the other members: somebody's way to the room ended. A broker or a closing page sends the same. */
  left: control('left'),
  /** `metMessage` as it arrives. */
  met: JSON.stringify(metMessage),
  /** From a page that wants to know whether its socket still works. The server answers with `alive` and forwards nothing. */
  probe: control('probe'),
  /** To one page: the answer to `probe`. Also the greeting of a page that named itself, which shows that this server answers. */
  alive: control('alive'),
} as const;

function control(type: string): string {
  return JSON.stringify({ millrace: 1, type });
}
