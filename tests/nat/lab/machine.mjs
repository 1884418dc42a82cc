// What a machine needs for the laboratory.
import { run } from './command.mjs';

/** @type {readonly [command: string, args: string[], words: string][]} */
const tools = [
  ['ip', ['-V'], 'iproute2'],
  ['nft', ['-v'], 'nftables'],
  ['conntrack', ['-V'], 'conntrack'],
  ['openssl', ['version'], 'openssl'],
];

/** Errors: rejects with everything that is missing. */
export async function checkMachine() {
  const missing = [];
  for (const [command, args, words] of tools) await run(command, args).catch(() => missing.push(`the package ${words}`));
  if (process.getuid?.() !== 0) missing.push('root');
  else if (missing.length === 0) await tryNamespace().catch((error) => missing.push(`network namespaces with nftables NAT (${error.message})`));
  if (missing.length > 0) throw new Error(`the NAT laboratory cannot run here; it needs: ${missing.join(', ')}`);
}

async function tryNamespace() {
  const { Namespaces } = await import('./namespaces.mjs');
  const namespaces = await Namespaces.forThisProcess();
  try {
    const name = await namespaces.add('check');
    await run('ip', ['netns', 'exec', name, 'nft', 'table ip nat { chain postrouting { type nat hook postrouting priority 100; oifname "wan" masquerade random,fully-random; }; }']);
  } finally {
    await namespaces.removeAll();
  }
}
