/**
 * Runs `action` in a task of its own, soon: unlike timers it is not clamped to 4 ms nor throttled in hidden windows, and
 * unlike a microtask it lets events in between.
 */
export class TaskQueue {
  readonly #channel = new MessageChannel();
  #scheduled = false;

  constructor(action: () => void) {
    this.#channel.port1.onmessage = () => {
      this.#scheduled = false;
      action();
    };
  }

  /** Any number of calls before the task runs make one task. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#channel.port2.postMessage(null);
  }

  close(): void {
    this.#channel.port1.onmessage = null;
    this.#channel.port1.close();
    this.#channel.port2.close();
  }
}

/** Resolves in a later task, so that events get their turn. */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const queue = new TaskQueue(() => {
      queue.close();
      resolve();
    });
    queue.schedule();
  });
}
