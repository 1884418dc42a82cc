// Checks what the files of src/ include and mention against the layer rule of src/README.md:
//
//   base ← wire, crypto, measure ← report, control, lanes ← send, receive ← connection ← session (stripes and mesh beside it)
// and what the files of web/ import against the rule in scripts/lib/layers_web.mjs.
//
//   node scripts/check-layers.mjs          ends with 1 and a list when there are violations
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkWebTree, selfTestWeb } from './lib/layers_web.mjs';

const below = { base: [] };
below.wire = below.crypto = below.measure = ['base'];
below.report = below.control = below.lanes = ['base', 'wire', 'crypto', 'measure'];
below.send = below.receive = [...below.lanes, 'report', 'control', 'lanes'];
below.connection = [...below.send, 'send', 'receive'];
below.session = [...below.connection, 'connection'];
below.stripes = [...below.lanes, 'control', 'lanes'];
below.mesh = ['base', 'wire'];

/** Headers that a sans-I/O core has no use for, each with the reason that is printed. */
const forbiddenHeaders = [
  [/^emscripten/, 'the core does not know where it runs'],
  [/^(chrono|ctime|time\.h|sys\/time\.h)$/, 'time is an argument'],
  [/^(random|cstdlib|stdlib\.h)$/, 'randomness is an argument, and nothing exits or aborts'],
  [/^(thread|mutex|shared_mutex|condition_variable|future|atomic|stop_token|semaphore|latch|barrier|pthread\.h)$/, 'no threads'],
  [/^(fstream|filesystem|cstdio|stdio\.h|unistd\.h|fcntl\.h|sys\/.*)$/, 'no files and no sockets'],
  [/^(iostream|istream|ostream|sstream|iomanip|syncstream|print)$/, 'no streams'],
  [/^(stdexcept|exception|system_error)$/, 'no exceptions'],
  [/^(cassert|assert\.h|csignal|signal\.h|csetjmp|setjmp\.h)$/, 'no abort on what a peer sends'],
];

/** Words that must not appear in code, comments and strings aside. */
const forbiddenWords = [
  [/\b(throw|try|catch)\b/, 'no exceptions'],
  [/\b(dynamic_cast|typeid)\b/, 'no RTTI'],
  [/\b(abort|assert|_?exit|quick_exit|terminate|__builtin_trap)\s*\(/, 'no abort on what a peer sends'],
  [/\b(rand|srand|getentropy|randombytes_(?!buf_deterministic|SEEDBYTES)\w+)\s*\(/, 'randomness is an argument'],
  [/\b(std::chrono|clock_gettime|gettimeofday|std::time)\b/, 'time is an argument'],
  [/\b(printf|fprintf|puts|fopen|std::cout|std::cerr)\b/, 'no streams'],
  [/\b(thread_local|EM_ASM\w*|EM_JS|__EMSCRIPTEN__)\b/, 'the core does not know where it runs'],
];

/** The text with comments and the insides of literals blanked out, line by line as it was. */
function codeOnly(text) {
  const pattern = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|R"([^(\s]*)\([\s\S]*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![\w'])'(?:\\.|[^'\\\n])+'/g;
  return text.replace(pattern, (match) => match.replace(/[^\n]/g, ' '));
}

/**
 * Violations in one file, each `path:line: what`. `path`: from src/ on, with `/`.
 */
export function checkFile(path, text) {
  const folder = path.split('/')[0];
  const found = [];
  const say = (index, what) => found.push(`src/${path}:${index + 1}: ${what}`);
  if (!Object.hasOwn(below, folder)) return [`src/${path}:1: ${folder}/ is not a layer`];

  const lines = text.split('\n');
  const code = codeOnly(text).split('\n');
  lines.forEach((line, index) => {
    if (!/^\s*#\s*include\b/.test(code[index])) {
      for (const [word, why] of forbiddenWords) {
        const match = word.exec(code[index]);
        if (match) say(index, `"${match[0].trim()}" (${why})`);
      }
      return;
    }
    const header = /^\s*#\s*include\s*[<"]([^>"]+)[>"]/.exec(line)?.[1];
    if (header === undefined) return say(index, 'an include that is not a plain one');
    if (/^sodium(\.h|\/)/.test(header)) {
      if (folder !== 'crypto') say(index, `<${header}> (only crypto uses libsodium)`);
      return;
    }
    for (const [name, why] of forbiddenHeaders) {
      if (name.test(header)) return say(index, `<${header}> (${why})`);
    }
    if (/^\s*#\s*include\s*"/.test(line)) {
      const target = header.split('/')[0];
      if (!header.includes('/') || header.includes('..')) say(index, `"${header}" (paths begin at src/)`);
      else if (target !== folder && !below[folder].includes(target)) say(index, `${folder} may not include ${target}`);
    }
  });
  return found;
}

/** Violations in all of `src` (a folder). Errors: throws when there is nothing to check. */
export function checkTree(src) {
  const files = readdirSync(src, { recursive: true })
    .map((name) => String(name).split(sep).join('/'))
    .filter((name) => /\.(h|cpp)$/.test(name))
    .sort();
  if (files.length === 0) throw new Error(`no C++ in ${relative('.', src) || src}`);
  return files.flatMap((name) => checkFile(name, readFileSync(join(src, name), 'utf8')));
}

/** Shows that each kind of violation is found and that allowed code is not: what went wrong, empty when all is well. */
export function selfTest() {
  const wrong = [
    ['send/a.cpp', '#include "receive/receiver.h"'],
    ['receive/a.cpp', '#include "send/sender.h"'],
    ['base/a.h', '#include "wire/frames.h"'],
    ['wire/a.h', '#include "crypto/secret.h"'],
    ['control/a.h', '#include "send/sender.h"'],
    ['session/a.cpp', '#include "mesh/mesh.h"'],
    ['control/a.h', '#include "lanes/sealed_lane.h"'],
    ['measure/a.h', '#include "report/trace.h"'],
    ['stripes/a.h', '#include "session/session.h"'],
    ['session/a.cpp', '#include <sodium.h>'],
    ['crypto/a.cpp', '#include "../base/bytes.h"'],
    ['stray/a.cpp', ''],
    ...['emscripten/bind.h', 'chrono', 'random', 'thread', 'mutex', 'fstream', 'iostream', 'stdexcept', 'cassert', 'unistd.h'].map(
      (header) => ['session/a.cpp', `#  include <${header}>`],
    ),
    ...['throw 1;', 'try {', 'abort();', 'std::abort();', 'assert(x);', 'randombytes_buf(p, n);', 'std::chrono::seconds s;'].map(
      (line) => ['session/a.cpp', `/* a comment */ ${line}`],
    ),
  ];
  const right = [
    ['session/a.cpp', '#include "send/sender.h"\n#include "receive/receiver.h"\n#include <vector>\n#include "lanes/sealed_lane.h"'],
    ['crypto/a.cpp', '#include <sodium.h>\n#include "base/bytes.h"'],
    ['base/a.cpp', '// never throw; see <chrono>\nconst char* kText = "abort(); try";\nstatic_assert(1 == 1);\nconst int kBig = 1\'000\'000; /* catch\n throw */'],
  ];
  return [
    ...wrong.filter(([path, text]) => checkFile(path, text).length !== 1).map(([path, text]) => `not found once: ${path}: ${text}`),
    ...right.flatMap(([path, text]) => checkFile(path, text).map((what) => `found wrongly: ${what}`)),
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
  const found = [...selfTest(), ...checkTree(folder('src')), ...selfTestWeb(), ...checkWebTree(folder('web'))];
  for (const line of found) console.error(line);
  process.exitCode = found.length > 0 ? 1 : 0;
}
