import { MillraceError } from '../api/errors.js';
import type { Signaling } from '../api/options.js';
import { abortSignal, checkOptions, text, type OptionsOf } from '../api/shape.js';
import { onAborted } from './abort.js';
import { parseEnvelope, parseConnectionMessage, type ConnectionMessage } from './envelope.js';
import { LateFailure } from './late_failure.js';
import { packText, unpackText } from './pack.js';

const shapes = {
  /** Gives the exchange up: `text`, and a `connect` that waits for the other side, reject with 'aborted'. */
  signal: abortSignal(),
};

/** Options of `manualSignaling`. */
export interface ManualSignalingOptions extends OptionsOf<typeof shapes> {}

export interface ManualSignaling extends Signaling {
  /**
   * The text to carry to the other side. Resolves when `connect` was called and the browser has found its addresses.
   * Errors: rejects with 'signaling-failed' if the signalling is closed before, and with 'aborted'.
   */
  readonly text: Promise<string>;
  /**
   * The inviting side passes the answer here. Errors: rejects with 'invalid-argument' for an invalid answer, or 'too-large';
   * another answer can be passed after that.
   */
  answer(text: string): Promise<void>;
}

/** More messages than any machine has addresses. */
const MAX_MESSAGES = 64;
/** Some browsers never report the end of gathering. After this time, ms, they find no further address. */
const GATHERING_MS = 10_000;
/** Time for two people to copy two texts, ms. */
const PATIENCE_MS = 600_000;

/**
 * Signalling without any server: two texts that people copy and paste. One side calls it without an argument, connects, and
 * sends its `text` to the other side. That side calls it with the text, connects, and sends back its own `text`, which goes to
 * `answer`. The texts contain network addresses and fingerprints, but no keys; with a secret in `connect` they may travel
 * by any way. One invitation serves one session, and a broken connection cannot be replaced.
 * Errors: throws 'invalid-argument' for an invitation that is no text; any other invalid one makes `connect` reject with 'invalid-argument' or 'too-large'.
 */
export function manualSignaling(invitation?: string, options: ManualSignalingOptions = {}): ManualSignaling {
  if (invitation !== undefined) text().check(invitation, 'invitation');
  return new CopiedSignaling(invitation, checkOptions(options, shapes));
}

/**
 * `connect` looks for another side before it makes a connection, which would take three more texts. So this object plays the
 * other side until the texts arrive: it asks the inviting side, which becomes the initiator, and is asked by the invited one. The ids of
 * pages are hexadecimal.
 */
const OTHER_ID = 'other';

class CopiedSignaling extends LateFailure implements ManualSignaling {
  onmessage: Signaling['onmessage'] = null;
  readonly patience = PATIENCE_MS;
  readonly text: Promise<string>;
  readonly #invites: boolean;
  readonly #messages: ConnectionMessage[] = [];
  #self: string | undefined;
  #incoming: ConnectionMessage[] | undefined;
  #answered = false;
  #done = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopListening: (() => void) | undefined;
  #resolve!: (messages: ConnectionMessage[]) => void;
  #reject!: (error: MillraceError) => void;

  constructor(invitation: string | undefined, { signal }: ManualSignalingOptions) {
    super();
    this.#invites = invitation === undefined;
    const gathered = new Promise<ConnectionMessage[]>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.text = gathered.then((messages) => packText(JSON.stringify(messages)));
    // A page that gives up does not await it.
    this.text.catch(() => {});
    this.#stopListening = onAborted(signal, (error) => {
      this.#fail(error);
      this.close();
    });
    if (invitation === undefined) return;
    parseText(invitation, 'offer').then(
      (messages) => {
        this.#incoming = messages;
        this.#introduce();
      },
      (error: unknown) => this.#fail(MillraceError.from(error, 'invalid-argument')),
    );
  }

  send(message: object): void {
    const envelope = parseEnvelope(message);
    if (!envelope || this.#done) return;
    const { from, body } = envelope;
    switch (body.type) {
      case 'hello':
        this.#self = from;
        this.#introduce();
        break;
      case 'pair':
        this.#say({ type: 'paired' });
        for (const incoming of this.#incoming ?? []) this.#say({ ...incoming, link: 0 });
        break;
      case 'description':
      case 'candidate':
        // Connections after the first would need texts of their own.
        if (body.link === 0) this.#gather(body);
        break;
      default:
        break; // There is no other side to tell.
    }
  }

  async answer(text: string): Promise<void> {
    if (!this.#invites) throw new MillraceError('invalid-argument', 'only the inviting side takes an answer');
    const messages = await parseText(text, 'answer');
    if (this.#self === undefined || !this.#done) throw new MillraceError('invalid-argument', 'the invitation is not ready yet');
    if (this.#answered) throw new MillraceError('invalid-argument', 'the invitation was answered already');
    this.#answered = true;
    for (const message of messages) this.#say({ ...message, link: 0 });
  }

  close(): void {
    this.#stopListening?.();
    this.#finish();
    this.#reject(new MillraceError('signaling-failed', 'the signalling was closed before the text was ready'));
    this.onmessage = null;
  }

  /** Greets this side as soon as its id, and the invitation if there is one, are known. */
  #introduce(): void {
    if (this.#self === undefined || (!this.#invites && this.#incoming === undefined)) return;
    this.#say({ type: this.#invites ? 'pair' : 'hello' });
  }

  #gather(message: ConnectionMessage): void {
    const isLast = message.type === 'candidate' && message.candidate === '';
    if (!isLast && this.#messages.length < MAX_MESSAGES) this.#messages.push(message);
    if (message.type === 'description') this.#timer = setTimeout(() => this.#finish(), GATHERING_MS);
    if (isLast) this.#finish();
  }

  #finish(): void {
    clearTimeout(this.#timer);
    if (this.#done) return;
    this.#done = true;
    if (this.#messages.length > 0) this.#resolve(this.#messages);
  }

  /** Speaks for the other side, in a later task, as a network would. */
  #say(body: object): void {
    const message = { millrace: 1, from: OTHER_ID, to: this.#self, ...body };
    setTimeout(() => this.onmessage?.(message));
  }

  #fail(error: MillraceError): void {
    this.#reject(error);
    this.tellFailure(error);
  }
}

/** Errors: rejects with 'invalid-argument' for text that is not an offer or an answer, and with 'too-large'. */
async function parseText(text: string, kind: 'offer' | 'answer'): Promise<ConnectionMessage[]> {
  let list: unknown;
  try {
    list = JSON.parse(await unpackText(text));
  } catch (caught) {
    throw MillraceError.from(caught, 'invalid-argument');
  }
  const messages = Array.isArray(list) ? list.slice(0, MAX_MESSAGES).map(parseConnectionMessage) : [];
  const [first] = messages;
  if (first?.type !== 'description' || first.kind !== kind) {
    throw new MillraceError('invalid-argument', kind === 'offer' ? 'this text is not an invitation' : 'this text is not an answer to an invitation');
  }
  return messages.filter((message) => message !== undefined);
}
