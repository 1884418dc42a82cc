/** A description by what distinguishes it from another one: lines of its own, and numbers for so many lines that are the other one's, each at its place. */
export type SdpLines = readonly (string | number)[];

const LINE_END = '\r\n';

/** `sdp` as it differs from `base`. Descriptions of one browser differ in four lines of some seventeen. */
export function linesUnlike(sdp: string, base: string): SdpLines {
  const known = base.split(LINE_END);
  const result: (string | number)[] = [];
  for (const [index, line] of sdp.split(LINE_END).entries()) {
    const last = result.at(-1);
    if (line !== known[index]) result.push(line);
    else if (typeof last === 'number') result[result.length - 1] = last + 1;
    else result.push(1);
  }
  return result;
}

/**
 * The description that `linesUnlike` was given, from what a peer sent. Undefined where that is no list of lines and counts, names lines that
 * `base` does not have, or makes more than `maxLength` characters.
 */
export function sdpOf(lines: unknown, base: string, maxLength: number): string | undefined {
  if (!Array.isArray(lines)) return undefined;
  const known = base.split(LINE_END);
  const result: string[] = [];
  let length = 0;
  for (const item of lines as unknown[]) {
    const isCount = typeof item === 'number' && Number.isInteger(item) && item >= 1 && result.length + item <= known.length;
    if (typeof item !== 'string' && !isCount) return undefined;
    const added = typeof item === 'string' ? [item] : known.slice(result.length, result.length + item);
    length += added.reduce((sum, line) => sum + line.length + LINE_END.length, 0);
    if (length > maxLength) return undefined;
    result.push(...added);
  }
  return result.join(LINE_END);
}
