// Lines of the core that ran, out of what clang's instrumented programs wrote down.
import { dirname, relative } from 'node:path';

/**
 * An lcov tracefile (`llvm-cov export -format=lcov`) as `{ name, lines, missed }` a file: its path from `root`, how many lines
 * have code, and the numbers of those that never ran.
 */
export function readLcov(text, root) {
  return text.split(/^end_of_record$/m).flatMap((record) => {
    const name = /^SF:(.+)$/m.exec(record)?.[1];
    if (name === undefined) return [];
    const counts = [...record.matchAll(/^DA:(\d+),(\d+)/gm)];
    const missed = counts.filter((match) => match[2] === '0').map((match) => Number(match[1]));
    return [{ name: relative(root, name), lines: counts.length, missed }];
  });
}

/** Lines that ran, of those that could; in percent. NaN where there are none. */
export function measure(files) {
  const lines = files.reduce((sum, file) => sum + file.lines, 0);
  const covered = lines - files.reduce((sum, file) => sum + file.missed.length, 0);
  return { lines, covered, percent: (100 * covered) / lines };
}

/** `3-5, 9` of `[3, 4, 5, 9]`. */
function ranges(numbers) {
  const found = [];
  for (const number of numbers) {
    const last = found.at(-1);
    if (last?.[1] === number - 1) last[1] = number;
    else found.push([number, number]);
  }
  return found.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(', ');
}

/** A line a folder, one for all, and the files below `least` percent with what never ran in them. */
export function describe(files, least) {
  const row = (name, part) => {
    const { lines, covered, percent } = measure(part);
    return `${name.padEnd(12)} ${String(covered).padStart(6)} of ${String(lines).padStart(5)} lines, ${percent.toFixed(2)} %`;
  };
  const folders = [...new Set(files.map(({ name }) => dirname(name)))].sort();
  return [
    ...folders.map((folder) => row(folder, files.filter(({ name }) => dirname(name) === folder))),
    row('all', files),
    ...files
      .filter((file) => measure([file]).percent < least)
      .map((file) => `${file.name}: ${measure([file]).percent.toFixed(2)} %, never ran: ${ranges(file.missed)}`),
  ];
}
