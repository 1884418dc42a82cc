import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startSite } from './site.js';

/** The demo site on a port of its own: PORT (8080; 0 = any free one), HOST (127.0.0.1), PAGES (a further folder). */
async function main(): Promise<void> {
  const port = Number(process.env['PORT'] ?? '8080');
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error(`PORT must be a whole number from 0 to 65535, not "${process.env['PORT']}"`);
  }
  const site = await startSite({
    dist: dirname(fileURLToPath(import.meta.url)),
    host: process.env['HOST'] ?? '127.0.0.1',
    port,
    fallBackToFreePort: true,
    pages: process.env['PAGES'],
  });
  process.stdout.write(`Millrace demo: ${site.url}\n`);

  const stop = (): void => {
    void site.close().then(() => process.exit(0));
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
