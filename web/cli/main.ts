#!/usr/bin/env node
import { readFile } from 'node:fs/promises';
import { formatBytes } from '../base/format.js';
import { messageOf } from '../base/message_of.js';
import { wordsOfPath } from '../base/path_words.js';
import { MillraceError, type Receipt } from '../index.js';
import { checkWords } from './code.js';
import { provideStorage } from './disk_storage.js';
import { openFiles, type Found } from './files.js';
import { meet } from './meet.js';
import { Report } from './report.js';
import { provideResumeState } from './resume_state.js';
import { loadStack } from './stack.js';
import { partFolder, receive, send } from './transfer.js';
import { exitCodes, readCommand, usage, UsageError, type Command } from './usage.js';
import { provideWebSocket } from './web_socket.js';

/** The process ends after this time, ms, even if the session has not closed. */
const CLOSE_TIMEOUT_MS = 2_000;

async function run(command: Command, report: Report, signal: AbortSignal): Promise<number> {
  provideWebSocket(process.env);
  provideResumeState(process.env);
  if (command.meeting.code !== undefined) checkWords(command.meeting.code);
  // What is missing is reported before anybody has to wait.
  const found = await openFiles(command.paths);
  if (command.name === 'receive') provideStorage(await partFolder(command.folder));
  tellLeftOut(found, report);
  const Connection = await loadStack();
  const oncode = (code: string): void => report.say('code', `Code: ${code}`, { code });
  const peer = await meet(command.meeting, Connection, oncode, signal);
  const begun = performance.now();
  report.say('connected', 'Connected; the other side knows the secret', { verified: peer.verified });
  peer.addEventListener('path', ({ path }) => report.say('path', `Path: ${wordsOfPath(path)}`, { ...path }));
  try {
    const receipts =
      command.name === 'send' ? [await send(peer, found.sources, report)] : await receive(peer, command.folder, report);
    for (const receipt of receipts) tell(receipt, (performance.now() - begun) / 1000, report);
  } finally {
    // The other side hears why a transfer failed, too.
    await Promise.race([peer.close(), new Promise((resolve) => setTimeout(resolve, CLOSE_TIMEOUT_MS).unref())]);
  }
  return found.skipped.length > 0 ? exitCodes.leftOut : exitCodes.done;
}

/** Before anybody waits, and before anything is sent. */
function tellLeftOut({ skipped, renamed }: Found, report: Report): void {
  for (const { path, reason } of skipped) report.say('skipped', `Left out: ${path} (${reason})`, { path, reason });
  for (const path of renamed) report.say('renamed', `The name is not UTF-8; sent as: ${path}`, { path });
}

function tell({ bytes, files }: Receipt, seconds: number, report: Report): void {
  const text = `Verified: ${formatBytes(bytes)} in ${seconds.toFixed(1)} s\n${files.map(({ root, name }) => `${root}  ${name}`).join('\n')}`;
  report.say('done', text, { verified: true, bytes, seconds, files: files.map(({ name, size, root }) => ({ name, size, root })) });
}

async function version(): Promise<string> {
  const manifest = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

async function main(): Promise<number> {
  let command: ReturnType<typeof readCommand>;
  try {
    command = readCommand(process.argv.slice(2), process.env);
  } catch (caught) {
    if (!(caught instanceof UsageError)) throw caught;
    process.stderr.write(`millrace: ${caught.message}\n\n${usage}`);
    return exitCodes.usage;
  }
  if (command === 'help' || command === 'version') {
    process.stdout.write(command === 'help' ? usage : `${await version()}\n`);
    return exitCodes.done;
  }

  const report = new Report(command.json, command.quiet);
  const ending = new AbortController();
  const interrupt = (): void => {
    // A second signal ends the process at once.
    process.once('SIGINT', () => process.exit(exitCodes.interrupted));
    ending.abort();
  };
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  try {
    return await run(command, report, ending.signal);
  } catch (caught) {
    if (caught instanceof UsageError) {
      report.say('error', `millrace: ${caught.message}`, { code: 'usage', message: caught.message });
      return exitCodes.usage;
    }
    const code = caught instanceof MillraceError ? caught.code : 'failed';
    const message = messageOf(caught);
    const { reason, advice } = (caught instanceof MillraceError ? caught.detail : undefined) ?? {};
    report.say('error', `millrace: ${message}${advice === undefined ? '' : `\n${advice} (${reason})`}`, { code, message, reason, advice });
    if (ending.signal.aborted) return exitCodes.interrupted;
    return code === 'authentication-failed' ? exitCodes.authentication : exitCodes.failed;
  }
}

// The threads of the WebRTC stack would keep the process alive.
main().then(
  (code) => process.exit(code),
  (caught: unknown) => {
    process.stderr.write(`millrace: ${String(caught)}\n`);
    process.exit(exitCodes.failed);
  },
);
