export function from_string(input: string): Uint8Array {
  return new TextEncoder().encode(input);
}

/** Errors: TypeError for what is no UTF-8. */
export function to_string(input: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(input);
}
