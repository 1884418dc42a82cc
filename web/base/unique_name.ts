/** How many of one name are told apart; a folder that has them all is not worth looking through further. */
const MAX_SAME_NAMES = 10_000;

/** The name itself, then the same with " (2)", " (3)" and so on before its extension: "a.tar (2).gz"; 10,000 in all. */
export function* namesLike(name: string): Generator<string> {
  yield name;
  const dot = name.lastIndexOf('.');
  // A name that begins with its only dot has no extension.
  const [stem, extension] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ''];
  for (let count = 2; count <= MAX_SAME_NAMES; count += 1) yield `${stem} (${count})${extension}`;
}
