// The site's page, as the tests use it.
import { writeFile } from 'node:fs/promises';
import { expect, test, type Locator, type Page } from '@playwright/test';

export interface Upload {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}

/** A file whose bytes follow from its name. */
export function file(name: string, size: number): Upload {
  return { name, mimeType: 'application/octet-stream', buffer: Buffer.alloc(size, name) };
}

export function textFile(name: string, content: string): Upload {
  return { name, mimeType: 'text/plain', buffer: Buffer.from(content) };
}

/** The same as `file`, for what is too large to go through Playwright's own pipe quickly; gone with the test's output. */
export async function fileOnDisk(name: string, size: number): Promise<string> {
  const path = test.info().outputPath(name);
  await writeFile(path, Buffer.alloc(size, name));
  return path;
}

/** The newest transfer on the page. */
export function newest(page: Page): Locator {
  return page.getByTestId('transfer').first();
}

export async function linkOf(page: Page): Promise<string> {
  await expect(page.getByTestId('link')).toHaveValue(/#room=[A-Za-z0-9_-]{22}&key=[A-Za-z0-9_-]{22}$/);
  return page.getByTestId('link').inputValue();
}

export async function codeOf(page: Page): Promise<string> {
  await expect(page.getByTestId('own-code')).toHaveText(/^\d+-[a-z]+-[a-z]+$/);
  return (await page.getByTestId('own-code').textContent()) ?? '';
}

export async function connectByCode(page: Page, code: string): Promise<void> {
  await page.getByTestId('code-input').fill(code);
  await page.keyboard.press('Enter');
}

export async function expectDone(sender: Page, receiver: Page): Promise<void> {
  await expect(newest(receiver).getByTestId('transfer-state')).toHaveText('Received and verified', { timeout: 60_000 });
  await expect(newest(sender).getByTestId('transfer-state')).toHaveText('Sent and verified');
}

/** Presses Tab until the control has the focus, as a person without a mouse would. */
export async function tabTo(page: Page, testId: string): Promise<void> {
  for (let presses = 0; presses < 25; presses += 1) {
    await page.keyboard.press('Tab');
    if (await page.evaluate(() => (document.activeElement as HTMLElement | null)?.dataset['testid']) === testId) return;
  }
  throw new Error(`no way by keyboard to ${testId}`);
}

declare global {
  /** Channels of connections that a page of `relayOnly` has begun. */
  var connections: number;
}

/** From the next load on, the page connects through TURN servers only. */
export async function relayOnly(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const Original = RTCPeerConnection;
    globalThis.connections = 0;
    window.RTCPeerConnection = class extends Original {
      constructor(configuration?: RTCConfiguration) {
        super({ ...configuration, iceTransportPolicy: 'relay' });
      }

      override setConfiguration(configuration?: RTCConfiguration): void {
        super.setConfiguration({ ...configuration, iceTransportPolicy: 'relay' });
      }

      // One that only checks a configuration has no channel.
      override createDataChannel(...parameters: Parameters<RTCPeerConnection['createDataChannel']>): RTCDataChannel {
        globalThis.connections += 1;
        return super.createDataChannel(...parameters);
      }
    };
  });
}
