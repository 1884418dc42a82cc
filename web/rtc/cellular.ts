/** Whether the device says that it is on a mobile network: Chromium on phones does. */
export function isCellular(): boolean {
  const { connection } = (globalThis.navigator ?? {}) as Navigator & { connection?: { type?: string } };
  return connection?.type === 'cellular';
}
