/** Data of a message, as e2e/pages/messages.js makes it. */
export type DataToMake = { string: string } | { json: unknown } | { kind: string; size: number; seed: number };

/** Data of a message as a page describes it. */
export type DescribedData = { string: string } | { json: unknown } | { kind: string; own: boolean; sha256: string };

export type MessageOutcome = { value: unknown } | { code: string; explanation: string; byPeer: boolean };

/** The functions of e2e/pages/messages.js. */
export interface MessagesApi {
  listenForMessages(): void;
  heardMessages(): number;
  takeMessages(count: number): Promise<DescribedData[]>;
  startReading(count: number): void;
  readMessages(): Promise<DescribedData[]>;
  sendMessages(list: readonly DataToMake[]): Promise<MessageOutcome[]>;
  describeMessages(list: readonly DataToMake[]): Promise<DescribedData[]>;
  sendImpossible(): Promise<[name: string, code: string | undefined][]>;
  sendNumbered(count: number, everyMs: number): void;
  numberedSent(): Promise<MessageOutcome[]>;
  numberedHeard(count: number, quietMs: number): Promise<number[]>;
  answerRequests(): void;
  request(data: unknown, options?: { timeoutMs?: number }): Promise<MessageOutcome>;
  floodMessages(count: number, bytes: number, perSecond: number): Promise<{ seconds: number; mostPending: number[] }>;
  requestRepeatedly(count: number): Promise<number[]>;
}
