// `millrace send` and `millrace receive`: against pages of the site, and against each other.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Locator, Page } from '@playwright/test';
import { expect, test, type BrowserName } from './support/fixtures.js';

const program = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
const bytes = Buffer.from(Uint8Array.from({ length: 5_000_000 }, (_, i) => i % 253));

interface Line {
  readonly event: string;
  readonly code?: string;
  readonly verified?: boolean;
  readonly files?: readonly { root: string }[];
}

/** A run of the program; `lines` grows while it runs. */
interface Terminal {
  readonly process: ChildProcess;
  readonly lines: Line[];
  /** Resolves with what the program ended with. */
  readonly exit: Promise<number | null>;
}

function startTerminal(...args: string[]): Terminal {
  const child = spawn(process.execPath, [program, ...args, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: Line[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(JSON.parse(line) as Line));
  const exit = once(child, 'close').then(([code]) => code as number | null);
  return { process: child, lines, exit };
}

function done(terminal: Terminal): Line | undefined {
  return terminal.lines.find(({ event }) => event === 'done');
}

async function codeOf(terminal: Terminal): Promise<string> {
  const code = (): string | undefined => terminal.lines.find(({ event }) => event === 'code')?.code;
  await expect.poll(code).toMatch(/^\d+-[a-z]+-[a-z]+$/);
  return code()!;
}

async function linkOf(page: Page): Promise<string> {
  await expect(page.getByTestId('link')).toHaveValue(/#room=.+&key=.+/);
  return page.getByTestId('link').inputValue();
}

function newest(page: Page): Locator {
  return page.getByTestId('transfer').first();
}

for (const browser of ['chromium', 'firefox'] satisfies BrowserName[]) {
  test(`${browser} > terminal`, async ({ openPage }, testInfo) => {
    const page = await openPage(browser, 'sender', '/');
    await page.getByTestId('files').setInputFiles([{ name: 'numbers.bin', mimeType: 'application/octet-stream', buffer: bytes }]);
    const folder = testInfo.outputPath('received');
    await mkdir(folder, { recursive: true });
    await writeFile(`${folder}/numbers.bin`, 'was here before');
    const terminal = startTerminal('receive', await linkOf(page), '--folder', folder);
    expect(await terminal.exit).toBe(0);
    expect(done(terminal)?.verified).toBe(true);
    expect((await readFile(`${folder}/numbers (2).bin`)).equals(bytes)).toBe(true);
    expect(await readFile(`${folder}/numbers.bin`, 'utf8')).toBe('was here before');
    await expect(newest(page).getByTestId('transfer-state')).toHaveText('Sent and verified');
  });

  test(`terminal > ${browser}`, async ({ openPage, room, siteUrl }, testInfo) => {
    const file = testInfo.outputPath('numbers.bin');
    await writeFile(file, bytes);
    const link = new URL(`/#room=${room}&key=${randomBytes(16).toString('base64url')}`, siteUrl).href;
    const page = await openPage(browser, 'receiver', link);
    const terminal = startTerminal('send', '--to', link, file);
    await page.getByTestId('accept').click();
    expect(await terminal.exit).toBe(0);
    await expect(newest(page).getByTestId('transfer-state')).toHaveText('Received and verified');
    const root = (await newest(page).getByTestId('root').textContent())?.trim();
    expect(done(terminal)?.files?.[0]?.root).toBe(root);
  });
}

test('terminal > terminal by code, a folder; and a wrong code', async ({ siteUrl }, testInfo) => {
  const source = testInfo.outputPath('photos');
  await mkdir(`${source}/2026`, { recursive: true });
  await writeFile(`${source}/2026/a.bin`, bytes);
  await writeFile(`${source}/empty.txt`, '');
  const sender = startTerminal('send', '--server', siteUrl, source);
  const code = await codeOf(sender);
  const folder = testInfo.outputPath('received');
  const receiver = startTerminal('receive', code, '--server', siteUrl, '--folder', folder);
  expect([await receiver.exit, await sender.exit]).toEqual([0, 0]);
  expect((await readFile(`${folder}/photos/2026/a.bin`)).equals(bytes)).toBe(true);
  expect(await readFile(`${folder}/photos/empty.txt`, 'utf8')).toBe('');
  expect(done(receiver)?.files?.map(({ root }) => root)).toEqual(done(sender)?.files?.map(({ root }) => root));

  const waiting = startTerminal('send', '--server', siteUrl, source);
  // Words that no code has would be refused without a guess.
  const [number, first, second] = (await codeOf(waiting)).split('-');
  const guess = `${number}-${second}-${first}`;
  const guesser = startTerminal('receive', guess, '--server', siteUrl, '--folder', folder);
  expect([await guesser.exit, await waiting.exit]).toEqual([3, 3]);
});

test('an interrupted program says so', async ({ siteUrl }, testInfo) => {
  const file = testInfo.outputPath('a.bin');
  await writeFile(file, 'a');
  const terminal = startTerminal('send', '--server', siteUrl, file);
  await codeOf(terminal);
  terminal.process.kill('SIGINT');
  expect(await terminal.exit).toBe(130);
  // And a file that is not there is said before anybody is asked to wait.
  await expect(promisify(execFile)(process.execPath, [program, 'send', '--server', siteUrl, testInfo.outputPath('none')])).rejects.toMatchObject({ code: 2 });
});
