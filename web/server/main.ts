import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isRecord } from '../base/is_record.js';
import { messageOf } from '../base/message_of.js';
import { readConfig } from './config.js';
import { startSite } from './site.js';

/** Runs the site on a port of its own, configured by the environment (docs/server.md). */
async function main(): Promise<void> {
  const config = readConfig(process.env);
  const site = await startSite({ ...config, dist: dirname(fileURLToPath(import.meta.url)), fallBackToFreePort: config.anyPort });
  process.stdout.write(`Millrace demo: ${site.url}\n`);

  const stop = (): void => {
    // A second signal ends the process at once.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
    void site.close().then(() => process.exit(0));
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

/** What to do where the server cannot listen on the address. */
const advice: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there: set PORT to another port, or to 0 for any free one',
  EACCES: 'this user may not listen there: set PORT to one from 1024 on',
  EADDRNOTAVAIL: 'HOST is not an address of this machine',
  ENOTFOUND: 'HOST is neither an address nor a known name',
};

main().catch((error: unknown) => {
  const hint = isRecord(error) ? advice[String(error['code'])] : undefined;
  process.stderr.write(`${messageOf(error)}${hint === undefined ? '' : ` (${hint})`}\n`);
  process.exitCode = 1;
});
