/**
 * Runs `action` in a task of its own, soon. Unlike a timer, the task is not clamped to 4 ms nor throttled in hidden windows;
 * unlike a microtask, it lets events run first. State: holds a channel only while a task is scheduled. Each task gets a
 * channel of its own, because Node.js delivers up to 1,000 messages of one port before any other event.
 */
export class TaskQueue {
  readonly #action: () => void;
  #channel: MessageChannel | undefined;

  constructor(action: () => void) {
    this.#action = action;
  }

  /** Several calls before the task runs make one task. */
  schedule(): void {
    if (this.#channel) return;
    const channel = new MessageChannel();
    this.#channel = channel;
    channel.port1.onmessage = () => {
      this.close();
      this.#action();
    };
    channel.port2.postMessage(null);
  }

  /** A task that is scheduled does not run any more; another one can be. */
  close(): void {
    if (!this.#channel) return;
    this.#channel.port1.onmessage = null;
    this.#channel.port1.close();
    this.#channel.port2.close();
    this.#channel = undefined;
  }
}

/** Resolves in a later task, so that events run first. */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => new TaskQueue(resolve).schedule());
}
