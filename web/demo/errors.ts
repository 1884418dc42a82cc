import type { ErrorCode } from '../index.js';

const sentences: Readonly<Record<ErrorCode, string>> = {
  aborted: 'It was stopped.',
  'authentication-failed': 'The other side could not show that it has this link, or somebody is in between. Nothing was sent. Ask for a new link.',
  'bad-record': 'A damaged or forged message arrived, so the connection was closed. Open the link again.',
  cancelled: 'It was cancelled.',
  closed: 'The other side left. Send the files again when it is back.',
  'connection-failed': 'The two browsers found no way to each other. Their networks may block direct connections.',
  'connection-lost': 'The connection broke. Send the files again when the other side is back.',
  'handshake-failed': 'The two sides could not agree on keys. Reload both pages.',
  'hash-mismatch': 'The bytes that arrived are not those that were sent, so nothing was kept. Send the files again.',
  'invalid-argument': 'These files cannot be sent.',
  'lane-closed': 'The connection broke. Send the files again when the other side is back.',
  'not-supported': 'This browser cannot do that. A current Chrome, Edge, Firefox or Safari can.',
  'out-of-space': 'The device that receives has no room left for this.',
  'peer-error': 'The other side ran into a problem and stopped.',
  'protocol-violation': 'The other side sent something that makes no sense, so the connection was closed.',
  rejected: 'The other side declined.',
  'signaling-failed': 'The server that brings the two sides together could not be reached.',
  'sink-failed': 'The received bytes could not be stored on this device.',
  'source-changed': 'A file was changed while it was being sent. Choose it again.',
  'source-failed': 'A file could not be read. It may have been moved or deleted. Choose it again.',
  'too-large': 'This is more than can be sent at once.',
  timeout: 'The other side did not answer in time.',
  internal: 'Something went wrong inside Millrace. Reload both pages.',
};

/** What happened, in words for everybody; `detail` is said only where there are none for `code`. */
export function explain(code: string, detail: string): string {
  const known: string | undefined = Object.hasOwn(sentences, code) ? sentences[code as ErrorCode] : undefined;
  return known ?? (detail === '' ? 'Something went wrong.' : detail);
}

/** Code and message of whatever was caught. */
export function codeOf(caught: unknown): { code: string; message: string } {
  if (caught instanceof Error) {
    const code = 'code' in caught && typeof caught.code === 'string' ? caught.code : 'internal';
    return { code, message: caught.message };
  }
  return { code: 'internal', message: String(caught) };
}
