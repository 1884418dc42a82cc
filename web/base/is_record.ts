/** Whether fields of `value` can be read. True for arrays and all other objects, not for null. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
