import { MillraceError } from '../api/errors.js';
import type { Signaling } from '../api/options.js';
import { parseEnvelope, parseConnectionMessage, type ConnectionMessage } from './envelope.js';
import { LateFailure } from './late_failure.js';
import { packText, unpackText } from './pack.js';

export interface ManualSignaling extends Signaling {
  /**
   * The text to carry to the other side, by whatever way there is: ready when `connect` has begun and the browser has found its
   * addresses. Errors: rejects with 'signaling-failed' when it is closed before.
   */
  readonly text: Promise<string>;
  /**
   * The side that invited takes the answer here. Errors: rejects with 'invalid-argument' for what is no answer, or 'too-large',
   * after which another one can be taken.
   */
  answer(text: string): Promise<void>;
}

/** More than any machine has addresses. */
const MAX_MESSAGES = 64;
/** A browser that does not say that it has found all its addresses has what it will find by then, ms. */
const GATHERING_MS = 10_000;
/** People look for the right window, ms. */
const PATIENCE_MS = 600_000;

/**
 * Signalling without any server: two texts that people copy and paste. One side calls it without an argument, connects, and
 * hands over its `text`; the other one calls it with that text, connects, and hands back its own, which goes to `answer`.
 * The texts hold network addresses and the fingerprints of the connection, no keys; with a secret of `connect` they may travel
 * over any channel. One invitation serves one session, and a connection that breaks cannot be made again.
 * Errors: what is no invitation makes `connect` reject with 'invalid-argument', or 'too-large'.
 */
export function manualSignaling(invitation?: string): ManualSignaling {
  return new CopiedSignaling(invitation);
}

/**
 * `connect` wants to find somebody before it makes a connection, which would be three more texts. So this side of the text
 * answers in the place of the other: it takes the role that leaves this side with its own, offering to the one that invites,
 * asking the one that answers. Ids decide about roles, by their order as text, and those of pages are hexadecimal.
 */
const INVITED_ID = 'z';
const INVITING_ID = '!';

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
  #resolve!: (messages: ConnectionMessage[]) => void;
  #reject!: (error: MillraceError) => void;

  constructor(invitation: string | undefined) {
    super();
    this.#invites = invitation === undefined;
    const gathered = new Promise<ConnectionMessage[]>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.text = gathered.then((messages) => packText(JSON.stringify(messages)));
    // Whoever gives up does not ask.
    this.text.catch(() => {});
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
        break;
      case 'paired':
        for (const incoming of this.#incoming ?? []) this.#say({ ...incoming, link: 0 });
        break;
      case 'description':
      case 'candidate':
        // Connections after the first would need texts of their own.
        if (body.link === 0) this.#gather(body);
        break;
      default:
        break; // Nobody is there to be told.
    }
  }

  async answer(text: string): Promise<void> {
    if (!this.#invites) throw new MillraceError('invalid-argument', 'this side answers; the other one takes the answer');
    const messages = await parseText(text, 'answer');
    if (this.#self === undefined || !this.#done) throw new MillraceError('invalid-argument', 'the invitation is not ready yet');
    if (this.#answered) throw new MillraceError('invalid-argument', 'there was an answer already');
    this.#answered = true;
    for (const message of messages) this.#say({ ...message, link: 0 });
  }

  close(): void {
    this.#finish();
    this.#reject(new MillraceError('signaling-failed', 'it was closed before the text was ready'));
    this.onmessage = null;
  }

  /** When both are known: whom to introduce, and to whom. */
  #introduce(): void {
    if (this.#self === undefined || (!this.#invites && this.#incoming === undefined)) return;
    this.#say({ type: 'hello' });
    if (!this.#invites) this.#say({ type: 'pair' });
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

  /** In the other side's place, later, as from a network. */
  #say(body: object): void {
    const message = { millrace: 1, from: this.#invites ? INVITED_ID : INVITING_ID, to: this.#self, ...body };
    setTimeout(() => this.onmessage?.(message));
  }

  #fail(error: MillraceError): void {
    this.#reject(error);
    this.tellFailure(error);
  }
}

/** Errors: rejects with 'invalid-argument' for what is not the text of an offer, or of an answer; 'too-large'. */
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
    throw new MillraceError('invalid-argument', kind === 'offer' ? 'that is no invitation' : 'that is no answer to an invitation');
  }
  return messages.filter((message) => message !== undefined);
}
