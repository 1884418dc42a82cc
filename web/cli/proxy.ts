export type Environment = Readonly<Record<string, string | undefined>>;

/** The proxy for an address, as curl and others choose it. Errors: throws for one that is no address. */
export function proxyFor({ protocol, hostname, port }: URL, env: Environment): URL | undefined {
  const own = protocol === 'wss:' ? 'https_proxy' : 'http_proxy';
  const proxy = [own, own.toUpperCase(), 'all_proxy', 'ALL_PROXY'].map((name) => env[name]).find(Boolean);
  if (!proxy) return undefined;
  const exceptions = (env['no_proxy'] ?? env['NO_PROXY'] ?? '').split(',').map((each) => each.trim()).filter(Boolean);
  const isDirect = exceptions.some((each) => {
    const [host = '', only] = each.replace(/^\*?\./, '').split(':');
    return each === '*' || ((hostname === host || hostname.endsWith(`.${host}`)) && (only === undefined || only === port));
  });
  if (isDirect) return undefined;
  const address = proxy.includes('://') ? proxy : `http://${proxy}`;
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol)) {
    throw new Error(`${own.toUpperCase()} must be an address such as http://proxy.example.org:3128`);
  }
  return new URL(address);
}
