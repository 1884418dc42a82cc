// Programs of the laboratory that run inside a network namespace, and how they are called: a method with plain arguments, and a
// plain result.
import { spawn } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { firefoxPath } from '../../../e2e/support/browsers.mjs';
import { env, inside } from './command.mjs';

const STOP_MS = 10_000;

/** Of the process that called for help. */
export class Helper {
  #child;
  #ended;
  #lastId = 0;
  /** @type {Map<number, { resolve: (value: any) => void, reject: (error: Error) => void }>} */
  #waiting = new Map();

  /**
   * Starts `file` (beside this one) in a namespace. `folder` has the files of the run: `hosts` stands for /etc/hosts there, and
   * `distribution` for the folder in which Firefox looks for its policies.
   *
   * @param {string} namespace @param {string} file @param {string} folder
   */
  constructor(namespace, file, folder) {
    const program = fileURLToPath(new URL(file, import.meta.url));
    const distribution = join(dirname(realpathSync(firefoxPath)), 'distribution');
    // Mounts inside of `ip netns exec` are gone with the program.
    const script = `mount --bind hosts /etc/hosts && mount --bind distribution '${distribution}' && exec "$0" "$@"`;
    this.#child = spawn('ip', inside(namespace, ['sh', '-c', script, process.execPath, program]), {
      env,
      cwd: folder,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#ended = new Promise((resolve) => {
      this.#child.once('exit', resolve);
      this.#child.once('error', resolve);
    });
    void this.#ended.then(() => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`${file} ended`));
      this.#waiting.clear();
    });
    this.#child.on('message', (/** @type {any} */ { id, value, error }) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(value);
      else waiting?.reject(new Error(error));
    });
  }

  /** Errors: rejects with what the method throws, or when the program ends. @param {string} method @param {...unknown} args @returns {Promise<any>} */
  call(method, ...args) {
    return new Promise((resolve, reject) => {
      const id = (this.#lastId += 1);
      if (!this.#child.connected) return reject(new Error('the program has ended'));
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, method, args });
    });
  }

  /** Lets the program end what it has started, and ends it. */
  async stop() {
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    await this.#ended;
    clearTimeout(timer);
  }
}

/**
 * Of the program inside the namespace: answers calls until the other process ends or calls `stop`, then runs `stop` and ends.
 *
 * @param {Record<string, (...args: any[]) => unknown>} methods @param {() => Promise<void>} stop
 */
export function serve(methods, stop) {
  const answerCall = async (/** @type {any} */ { id, method, args }) => {
    /** @type {{ id: number, value?: unknown, error?: string }} */
    const answer = { id };
    try {
      answer.value = await methods[method](...args);
    } catch (caught) {
      answer.error = caught instanceof Error ? caught.message : String(caught);
    }
    if (process.connected) process.send?.(answer);
  };
  process.on('message', (call) => void answerCall(call));
  process.once('disconnect', () => void stop().finally(() => process.exit()));
  // The laboratory ends it, whatever a terminal sends to all of its processes.
  for (const name of ['SIGINT', 'SIGHUP']) process.on(name, () => {});
  process.once('SIGTERM', () => void stop().finally(() => process.exit()));
}
