/** "direct · UDP" or "through a relay · TCP": a path for people. */
export function wordsOfPath({ kind, protocol }: { readonly kind: 'direct' | 'relay'; readonly protocol: string }): string {
  return `${kind === 'direct' ? 'direct' : 'through a relay'} · ${protocol.toUpperCase()}`;
}
