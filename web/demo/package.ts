/**
 * The package as any other page would load it: from beside this site, not bundled into the demo. The worker and the
 * WebAssembly file are found next to it.
 */
type Millrace = typeof import('../index.js');
type Signaling = typeof import('../signaling/index.js');

/** Errors: rejects where the files cannot be loaded. */
export async function loadPackage(): Promise<Pick<Millrace, 'connect' | 'sasEmoji'> & Pick<Signaling, 'webSocketSignaling'>> {
  // Resolved at run time: a bundler must not follow them.
  const address = (file: string): string => new URL(`dist/${file}`, document.baseURI).href;
  const [{ connect, sasEmoji }, { webSocketSignaling }] = await Promise.all([
    import(address('millrace.js')) as Promise<Millrace>,
    import(address('signaling.js')) as Promise<Signaling>,
  ]);
  return { connect, sasEmoji, webSocketSignaling };
}
