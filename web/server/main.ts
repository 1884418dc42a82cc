import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readConfig } from './config.js';
import { startSite } from './site.js';

/** The site on a port of its own, configured by the environment (docs/server.md). */
async function main(): Promise<void> {
  const config = readConfig(process.env);
  const site = await startSite({ ...config, dist: dirname(fileURLToPath(import.meta.url)), fallBackToFreePort: config.anyPort });
  process.stdout.write(`Millrace demo: ${site.url}\n`);

  const stop = (): void => {
    // Whoever asks twice does not want to wait.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
    void site.close().then(() => process.exit(0));
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
