/** Where the worker of an engine comes from. */
export interface WorkerSource {
  /** As `ConnectOptions.createWorker`. */
  readonly createWorker: (() => Worker) | undefined;
  /** The folder of `ConnectOptions.assets`; undefined: beside this script. */
  readonly assets: URL | undefined;
}

/** Starts the worker. Errors: throws if the page may not have it, or if `createWorker` throws. */
export function makeWorker({ createWorker, assets }: WorkerSource): Worker {
  if (createWorker) return createWorker();
  // Not in one expression with `new URL`, which bundlers would take for one more file.
  const here: string = import.meta.url;
  if (assets || isForeign(here)) return fromAddress(new URL('worker.js', assets ?? here));
  // Written out in full, because bundlers find the file by that.
  return new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'millrace' });
}

/** Browsers start workers from the page's own origin only, but such a worker may import modules of others. */
function fromAddress(url: URL): Worker {
  if (!isForeign(url.href)) return new Worker(url, { type: 'module', name: 'millrace' });
  const script = URL.createObjectURL(new Blob([`import ${JSON.stringify(url.href)};`], { type: 'text/javascript' }));
  try {
    return new Worker(script, { type: 'module', name: 'millrace' });
  } finally {
    // The worker has its script already.
    URL.revokeObjectURL(script);
  }
}

/** Whether the address belongs to another origin. Some bundlers replace the address of a script with one that means nothing. */
function isForeign(address: string): boolean {
  const { protocol, origin } = new URL(address);
  return /^https?:$/.test(protocol) && typeof location !== 'undefined' && origin !== location.origin;
}
