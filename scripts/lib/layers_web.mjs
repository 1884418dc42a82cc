// The layer rule of web/, read by scripts/check-layers.mjs:
//
//   api, base ← wasm ← signaling ← rtc ← engine ← session ← room ← mesh ← site, server, cli
//                      secrets, sources, sinks ← engine
//
// - `api` imports nothing: it is what users see. `base` imports nothing either.
// - `rtc` lies above `signaling`: the control connection talks to the other side through the pairing, in the pairing's messages.
// - `session` knows of `engine` only its port, its messages and the reader that sessions share; nothing else above `engine` knows of it at all.
// - `parts` stands beside `session`, and `sodium` beside everything that makes connections.
// - Entry points (web/*.ts) only re-export. Only the applications of the package (`site`, `server`, `cli`) import entry points,
//   and nothing imports an application. An application may use any file of the package, such as the server the close codes.
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, sep } from 'node:path';

const tools = ['api', 'base', 'wasm'];
const carriers = [...tools, 'signaling', 'rtc', 'secrets', 'sources', 'sinks'];
const everything = [...carriers, 'engine', 'session', 'parts', 'room', 'mesh', 'sodium'];
const below = {
  api: [],
  base: [],
  wasm: ['api', 'base'],
  signaling: tools,
  secrets: tools,
  sources: tools,
  sinks: tools,
  sodium: tools,
  rtc: [...tools, 'signaling'],
  engine: carriers,
  session: carriers,
  parts: carriers,
  room: [...carriers, 'session'],
  mesh: [...carriers, 'session', 'room'],
  site: everything,
  server: everything,
  cli: everything,
};
const applications = ['site', 'server', 'cli'];
/** Files of a layer that is closed otherwise. */
const openFiles = { session: ['engine/port', 'engine/messages', 'engine/shared_reader'] };
/** Packages by the files that may import them, besides `node:` in the programs for Node.js. */
const packages = {
  mqtt: ['signaling/mqtt.ts', 'signaling/mqtt_client.ts', 'server/'],
  '@scure/bip39': ['secrets/words.ts'],
  'client-zip': ['site/archive.ts'],
  uplot: ['site/charts.ts'],
  uqr: ['site/qr.ts'],
  ws: ['server/', 'cli/'],
};
const builtIn = /^node:/;

/** Comments blanked out, line by line as they were; strings stay. */
function withoutComments(text) {
  const pattern = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g;
  return text.replace(pattern, (match) => (match.startsWith('/') ? match.replace(/[^\n]/g, ' ') : match));
}

/** Every import and re-export of a module, also those in types and at run time, with its line. */
function importsOf(code) {
  const found = [];
  const add = (match) => found.push({ module: match.groups.module, line: code.slice(0, match.index).split('\n').length });
  const statement = /^[ \t]*(?:import|export)\b(?:[\w\s{},*$]*?\bfrom)?\s*['"](?<module>[^'"\n]+)['"]/gm;
  for (const match of code.matchAll(statement)) add(match);
  for (const match of code.matchAll(/(?:\bimport|\brequire)\s*\(\s*['"](?<module>[^'"\n]+)['"]/g)) add(match);
  return found;
}

/** True where each statement of an entry point is a re-export. */
function onlyReexports(code) {
  return code.replace(/^export\s+(?:type\s+)?(?:\*(?:\s+as\s+\w+)?|\{[^}]*\})\s+from\s+'[^'\n]+';$/gm, '').trim() === '';
}

/** Violations in one file, each `path:line: text`. `path`: from web/ on, with `/`. */
export function checkWebFile(path, text) {
  const code = withoutComments(text);
  const [folder, ...rest] = path.split('/');
  const found = [];
  const say = (line, what) => found.push(`web/${path}:${line}: ${what}`);
  const isEntry = rest.length === 0;
  if (!isEntry && !Object.hasOwn(below, folder)) return [`web/${path}:1: ${folder}/ is not a layer`];
  if (isEntry && !path.endsWith('.d.ts') && !onlyReexports(code)) say(1, 'an entry point only re-exports');

  for (const { module, line } of importsOf(code)) {
    if (!module.startsWith('.')) {
      const problem = problemOfPackage(path, folder, module);
      if (problem) say(line, problem);
      continue;
    }
    const target = posix.normalize(posix.join(posix.dirname(path), module)).replace(/\.(js|ts)$/, '');
    const problem = problemOfModule(isEntry ? undefined : folder, target);
    if (problem) say(line, problem);
  }
  return found;
}

function problemOfPackage(path, folder, module) {
  if (builtIn.test(module)) return folder === 'server' || folder === 'cli' ? undefined : `${module} (only server and cli run in Node.js)`;
  const name = Object.keys(packages).find((each) => module === each || module.startsWith(`${each}/`));
  if (name === undefined) return `${module} is not a package that web/ may import`;
  return packages[name].some((place) => path.startsWith(place)) ? undefined : `only ${packages[name].join(', ')} may import ${name}`;
}

/** `folder`: undefined for an entry point. `target`: from web/ on, without its extension. */
function problemOfModule(folder, target) {
  const [to, ...rest] = target.split('/');
  if (to === '..') return 'an import from outside web/';
  if (rest.length === 0) return applications.includes(folder) ? undefined : `only applications may import the entry point ${to}`;
  if (to === folder) return undefined;
  if (folder === undefined) return applications.includes(to) ? `an entry point may not import ${to}` : undefined;
  if (below[folder].includes(to) || openFiles[folder]?.includes(target)) return undefined;
  return `${folder} may not import ${target}`;
}

/** Violations in all of `web` (a folder). Errors: throws when there is nothing to check. */
export function checkWebTree(web) {
  const files = readdirSync(web, { recursive: true })
    .map((name) => String(name).split(sep).join('/'))
    .filter((name) => /\.ts$/.test(name))
    .sort();
  if (files.length === 0) throw new Error(`no TypeScript in ${web}`);
  return files.flatMap((name) => checkWebFile(name, readFileSync(join(web, name), 'utf8')));
}

/** Plants violations of each kind: lists those that are not found, and allowed imports that are; empty when all is well. */
export function selfTestWeb() {
  const from = (module) => `import { x } from '${module}';`;
  const wrong = [
    ['api/options.ts', from('../secrets/secret.js')],
    ['api/options.ts', "import type { X } from '../base/driver.js';"],
    ['base/driver.ts', from('../api/errors.js')],
    ['base/driver.ts', "import type { X } from '../api/types.js';"],
    ['wasm/load.ts', from('../rtc/peer_link.js')],
    ['signaling/rendezvous.ts', from('../rtc/peer_link.js')],
    ['rtc/peer_link.ts', "import {\n  x,\n  type Y,\n} from '../session/session.js';"],
    ['sinks/memory.ts', "export { x } from '../engine/tasks.js';"],
    ['sinks/memory.ts', "export * from '../sources/source.js';"],
    ['engine/engine.ts', "import '../session/connect.js';"],
    ['session/session.ts', from('../engine/engine.js')],
    ['session/session.ts', "const engine = await import('../engine/engine.js');"],
    ['session/session.ts', from('../parts/lane_set.js')],
    ['session/session.ts', from('../room/room.js')],
    ['room/room.ts', from('../engine/port.js')],
    ['room/room.ts', from('../mesh/mesh.js')],
    ['mesh/mesh.ts', from('../engine/port.js')],
    ['mesh/mesh.ts', from('../parts/lane_set.js')],
    ['parts/lane_set.ts', from('../session/session.js')],
    ['parts/lane_set.ts', "type X = import('../session/session.js').Session;"],
    ['sodium/sodium.ts', from('../rtc/peer_link.js')],
    ['session/connect.ts', from('../site/link.js')],
    ['secrets/code.ts', from('../server/config.js')],
    ['mesh/mesh.ts', from('../cli/main.js')],
    ['mesh/mesh.ts', from('../index.js')],
    ['stray/a.ts', ''],
    ['base/a.ts', from('../../scripts/lib/run.mjs')],
    ['base/a.ts', from('node:fs')],
    ['session/a.ts', from('mqtt')],
    ['site/a.ts', from('left-pad')],
    ['index.ts', from('./session/connect.js')],
    ['index.ts', "export { x } from './api/types.js';\nexport const y = 1;"],
    ['index.ts', "export { x } from './site/link.js';"],
  ];
  const right = [
    ['index.ts', "/** Text. */\nexport { connect } from './session/connect.js';\nexport type {\n  A,\n  B,\n} from './api/types.js';\nexport * from './sodium/sodium.js';"],
    ['rtc/control_connector.ts', from('../signaling/envelope.js')],
    ['session/session.ts', `${from('../engine/port.js')}\n${from('../engine/messages.js')}\n${from('./transfer.js')}`],
    ['engine/port.ts', "const { Engine } = await import('./engine.js');\nnew URL('./worker.js', import.meta.url);"],
    ['api/types.ts', "// import { x } from '../session/session.js';\n/* export * from '../mesh/mesh.js'; */\nconst text = 'see ../session/session.js';"],
    ['server/rooms.ts', `${from('../signaling/close_codes.js')}\n${from('node:http')}\n${from('ws')}`],
    ['mesh/mesh.ts', from('../room/member_sessions.js')],
    ['cli/main.ts', from('../index.js')],
    ['secrets/words.ts', from('@scure/bip39/wordlists/english.js')],
  ];
  return [
    ...wrong.filter(([path, text]) => checkWebFile(path, text).length !== 1).map(([path, text]) => `not found once: web/${path}: ${text}`),
    ...right.flatMap(([path, text]) => checkWebFile(path, text).map((what) => `found wrongly: ${what}`)),
  ];
}
