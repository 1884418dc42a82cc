import { isRecord } from '../base/is_record.js';
import { messageOf } from '../base/message_of.js';
import type { ConnectionReport, ErrorCode } from '../index.js';

export type Side = 'send' | 'receive';

const sentences: Readonly<Record<ErrorCode, string>> = {
  aborted: 'It was stopped.',
  'authentication-failed': 'This link has a wrong key, because it was damaged on the way or is not the newest one, or somebody is in between. Nothing was sent. Ask for the link again.',
  'bad-record': 'A damaged or forged message arrived, so the connection was closed. Open the link again.',
  cancelled: 'It was cancelled.',
  closed: 'The other side left. Send the files again when it is back.',
  'connection-failed': 'The two browsers found no way to each other: a network blocks direct connections. Try another network (a phone as hotspot, no VPN), or ask who runs this site for a TURN server.',
  'connection-lost': 'The connection broke. Send the files again when the other side is back.',
  'handshake-failed': 'The two sides could not agree on keys. Reload both pages.',
  'hash-mismatch': 'The bytes that arrived are not those that were sent, so nothing was kept. Send the files again.',
  'invalid-argument': 'These files cannot be sent.',
  'lane-closed': 'The connection broke. Send the files again when the other side is back.',
  'not-supported': 'This browser cannot do that. A current Chrome, Edge, Firefox or Safari can.',
  'out-of-space': 'The device that receives has no room left. Free some, or save to a folder on another disk, and send again.',
  'peer-error': 'The other side ran into a problem and stopped.',
  'protocol-violation': 'The other side sent something invalid, so the connection was closed.',
  rejected: 'The other side declined.',
  'signaling-failed': 'The server that brings the two sides together could not be reached.',
  'sink-failed': 'The received bytes could not be stored on this device.',
  'source-changed': 'A file was changed while it was being sent. Choose it again.',
  'source-failed': 'A file could not be read. It may have been moved or deleted. Choose it again.',
  'too-large': 'This is more than can be sent at once.',
  timeout: 'The other side did not answer in time.',
  internal: 'Something went wrong inside Millrace. Reload both pages.',
};

/** Sentences that differ between the two sides. */
const sentencesOf: { readonly [side in Side]: Partial<Record<ErrorCode, string>> } = {
  send: {
    'sink-failed': 'The other side could not store what it received. Ask it to choose another place, and send again.',
  },
  receive: {
    closed: 'The other side left before all of it was here. Keep this page open: when the same files are offered again, it goes on.',
    'connection-lost': 'The connection broke before all of it was here. Keep this page open: when the same files are offered again, it goes on.',
    'lane-closed': 'The connection broke before all of it was here. Keep this page open: when the same files are offered again, it goes on.',
    'out-of-space': 'This device has no room left. Free some, or save to a folder on another disk, and ask for it again.',
    'source-changed': 'A file was changed on the other side while it was being sent, so nothing was kept. Ask for it again.',
    'source-failed': 'The other side could not read a file. Ask for it again.',
    'hash-mismatch': 'The bytes that arrived are not those that were sent, so nothing was kept. Ask for it again.',
  },
};

/** Failures that only the page can tell apart. */
const pageSentences: Readonly<Record<string, string>> = {
  'no-webrtc': 'This browser has no WebRTC, or it is switched off. Allow it in the settings or an extension, or use a current Chrome, Edge, Firefox or Safari.',
  'too-old': 'This browser is too old for this page. Update it, or use a current Chrome, Edge, Firefox or Safari.',
  'insecure-page': 'Browsers allow this only over https. Open the address with https:// in front.',
  'not-loaded': 'A part of this page could not be loaded. Check the network.',
  'room-full': 'Somebody else is using this link already. Close the other page, or ask for a new link.',
  'no-path': 'The two sides found each other, but no connection came up in time. A network may block direct connections: try another one (a phone as hotspot, no VPN), or ask who runs this site for a TURN server.',
  'wrong-link': 'Somebody came with a wrong or damaged link. Nothing was sent, and this page goes on waiting. Copy the link below and send it again.',
  'other-site': 'This link leads to another site. Open it in the address bar.',
  'not-a-code': 'That is not a whole code. It looks like 7-crossover-clockwork: a number and two words.',
  'no-such-code': 'No such code is waiting. Check the number, and that the other page is open, or ask for a new code.',
  'wrong-code': 'The words of the code are not the right ones, or somebody is in between. Nothing was sent. Each code can be tried once: ask for the new one.',
  'code-expired': 'This code has waited for too long. Ask for a new one.',
  'own-authentication-failed': 'Somebody tried a wrong code, so it was replaced. Nothing was sent.',
  'own-code-expired': 'The code before this one has waited for too long.',
  'code-used': 'The other side left, and a code works once. Ask for a new code or the link.',
  'too-many-guesses': 'Too many wrong codes came from your network. Wait some minutes, or use the link.',
  'server-busy': 'The server that brings the two sides together is full. Try again in a minute.',
};

const pageCodes: Readonly<Record<number, string>> = {
  4404: 'no-such-code',
  4409: 'room-full',
  4410: 'code-expired',
  4412: 'room-full',
  4420: 'too-many-guesses',
  4428: 'server-busy',
  4429: 'server-busy',
  4503: 'server-busy',
};

/** A failure with a code of the page's own. */
export class PageError extends Error {
  readonly code: string;
  /** As `MillraceError.detail`. */
  readonly detail: unknown;

  constructor(code: string, detail?: unknown) {
    super(pageSentences[code] ?? code);
    this.code = code;
    this.detail = detail;
  }
}

/** A failure, as the page shows it. */
export interface Trouble {
  readonly code: string;
  readonly message: string;
  /** Why there is no connection, where that is the cause. */
  readonly report: Pick<ConnectionReport, 'reason' | 'advice'> | undefined;
}

/** The reason of a failed attempt to connect. Where the server closed the socket, its close code says why. */
export function reasonOf(error: unknown, closeCode: number | undefined): unknown {
  const { code, report } = codeOf(error);
  // The other side was there, but no connection came up.
  if (code === 'timeout') return new PageError('no-path', report);
  const own = code === 'signaling-failed' && closeCode !== undefined ? pageCodes[closeCode] : undefined;
  return own === undefined ? error : new PageError(own);
}

/** A sentence for `code`, for everybody or for one side of a transfer; `detail` where there is no sentence. */
export function explain(code: string, detail: string, side?: Side): string {
  const own = side !== undefined && Object.hasOwn(sentencesOf[side], code) ? sentencesOf[side][code as ErrorCode] : undefined;
  const known: string | undefined = own ?? (Object.hasOwn(sentences, code) ? sentences[code as ErrorCode] : undefined);
  return known ?? (Object.hasOwn(pageSentences, code) ? pageSentences[code] : undefined) ?? (detail === '' ? 'Something went wrong.' : detail);
}

/** A sentence for a failure, with advice where there is a report. `side`: of a transfer. */
export function sentenceOf({ code, message, report }: Trouble, side?: Side): string {
  if (report === undefined) return explain(code, message, side);
  // A transfer first says what became of it.
  return side === undefined ? report.advice : `${explain(code, message, side)} ${report.advice}`;
}

/** The word in parentheses after the sentence, for a person who asks for help. */
export function labelOf({ code, report }: Trouble): string {
  return `(${report?.reason ?? code})`;
}

/** What is known about whatever was caught. */
export function codeOf(caught: unknown): Trouble {
  const fields: Record<string, unknown> = isRecord(caught) ? caught : {};
  const code = typeof fields['code'] === 'string' ? fields['code'] : 'internal';
  const detail = fields['detail'];
  return { code, message: messageOf(caught), report: isRecord(detail) ? (detail as unknown as ConnectionReport) : undefined };
}
