/** The UTF-8 of a string. */
export function from_string(input: string): Uint8Array {
  return new TextEncoder().encode(input);
}

/** The string that UTF-8 stands for. Errors: TypeError for what is no UTF-8. */
export function to_string(input: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(input);
}
