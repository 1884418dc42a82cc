// Firefox as people have it: nobody listens to its network. Playwright does, and for whoever does, Firefox keeps the body of every
// response in memory, downloads included. Driven over WebDriver BiDi, which Playwright speaks as well.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';
import { firefoxPath } from './browsers.mjs';

export interface UnwatchedFirefox {
  open(url: string): Promise<void>;
  /** What an expression of the page gives: a string, a number, a boolean; undefined for all else. Errors: rejects where it throws. */
  evaluate(expression: string): Promise<unknown>;
  close(): Promise<void>;
}

interface Answer {
  readonly id?: number;
  readonly error?: string;
  readonly message?: string;
  readonly result?: Record<string, unknown>;
}

/** With a profile of its own, gone with it. `preferences`: as on about:config. Errors: rejects where Firefox ends before it listens. */
export async function launchUnwatchedFirefox(preferences: Readonly<Record<string, string | number | boolean>>): Promise<UnwatchedFirefox> {
  const profile = await mkdtemp(join(tmpdir(), 'millrace-profile-'));
  const lines = Object.entries(preferences).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`);
  await writeFile(join(profile, 'user.js'), lines.join(''));
  const child = spawn(firefoxPath, ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(child, 'close');
  const address = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      const found = /WebDriver BiDi listening on (ws:\S+)/.exec(line);
      if (found !== null) resolve(found[1]!);
    });
    void ended.then(() => reject(new Error('Firefox has ended')));
  });

  const socket = new WebSocket(`${address}/session`);
  await once(socket, 'open');
  let last = 0;
  const waiting = new Map<number, (answer: Answer) => void>();
  socket.on('message', (data: Buffer) => {
    const answer = JSON.parse(data.toString()) as Answer;
    if (answer.id !== undefined) waiting.get(answer.id)?.(answer);
  });
  const ask = async (method: string, params: object): Promise<Record<string, unknown>> => {
    last += 1;
    const answered = new Promise<Answer>((resolve) => waiting.set(last, resolve));
    socket.send(JSON.stringify({ id: last, method, params }));
    const { error, message, result } = await answered;
    if (result === undefined) throw new Error(`${method}: ${error}: ${message}`);
    return result;
  };
  await ask('session.new', { capabilities: {} });
  const { contexts } = (await ask('browsingContext.getTree', {})) as { contexts: readonly { context: string }[] };
  const { context } = contexts[0]!;

  return {
    async open(url) {
      await ask('browsingContext.navigate', { context, url, wait: 'complete' });
    },
    async evaluate(expression) {
      const { result, exceptionDetails } = (await ask('script.evaluate', { expression, target: { context }, awaitPromise: true })) as {
        result?: { value?: unknown };
        exceptionDetails?: { text: string };
      };
      if (exceptionDetails !== undefined) throw new Error(exceptionDetails.text);
      return result?.value;
    },
    async close() {
      await ask('browser.close', {});
      socket.close();
      await ended;
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
