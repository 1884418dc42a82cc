import { parseArgs } from 'node:util';
import { findFragment, findLostFragment } from '../base/invite_link.js';
import { messageOf } from '../base/message_of.js';
import { findCode } from './code.js';
import { UsageError } from './usage_error.js';

export { UsageError };

/** Exit codes. */
export const exitCodes = { done: 0, failed: 1, usage: 2, authentication: 3, leftOut: 4, interrupted: 130 } as const;

export const usage = `Usage:
  millrace send [--to CODE|LINK] FILE...    sends files and folders; without --to it prints a code for the other side
  millrace receive CODE|LINK                receives the files that the other side offers

CODE is a short code such as 7-crossover-clockwork, from the other side. LINK is an invite link, with its #room=...&key=...
The other side is a browser at the same server, or another terminal.

  --server URL    the Millrace server of both sides (or MILLRACE_SERVER); a LINK names its own
  --folder PATH   receive: where files go (default: here); existing files are never overwritten. Until all are
                  verified, they lie in PATH/.millrace.part, and the next attempt continues there
  --json          one JSON object a line, on standard output
  --quiet         no progress bar
  --help, --version

Exit codes: 0 when every byte is stored and verified at the receiving side, 1 when that failed, 2 for a usage error,
3 when the other side does not have the code or key, 4 when the rest was sent and files in folders were left out,
130 when interrupted.

FILE may be - for standard input. HTTPS_PROXY, HTTP_PROXY and NO_PROXY are used for the server.

Node.js has no WebRTC: the package @roamhq/wrtc must be installed, too.
`;

/** How to find the other side: `room` with `key`, or `code`; with neither, a code is made. */
export interface Meeting {
  readonly server: URL;
  readonly room?: string;
  readonly key?: string;
  readonly code?: string;
}

export interface Command {
  readonly name: 'send' | 'receive';
  readonly paths: readonly string[];
  readonly meeting: Meeting;
  readonly folder: string;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** Reads the command line. Errors: throws `UsageError`. Answers 'help' or 'version' where that was asked for. */
export function readCommand(args: readonly string[], env: Readonly<Record<string, string | undefined>>): Command | 'help' | 'version' {
  const { values, positionals } = parse(args);
  if (values.help) return 'help';
  if (values.version) return 'version';
  const [name, ...rest] = positionals;
  const { json = false, quiet = false, to, folder } = values;
  const server = values.server ?? env['MILLRACE_SERVER'];
  if (name === 'send') {
    if (rest.length === 0) throw new UsageError('send: no file was named');
    if (folder !== undefined) throw new UsageError('send: --folder is for receiving');
    return { name, paths: rest, meeting: readMeeting(to, server), folder: '.', json, quiet };
  }
  if (name === 'receive') {
    // The words of a code may stand apart.
    const target = rest.length === 0 ? undefined : rest.join(' ');
    if (target === undefined) throw new UsageError('receive: which code or link? The other side has it');
    if (to !== undefined) throw new UsageError('receive: --to is for sending');
    return { name, paths: [], meeting: readMeeting(target, server), folder: folder ?? '.', json, quiet };
  }
  throw new UsageError(name === undefined ? 'no command' : `no such command: ${name}`);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        to: { type: 'string' },
        server: { type: 'string' },
        folder: { type: 'string' },
        json: { type: 'boolean' },
        quiet: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    });
  } catch (caught) {
    throw new UsageError(messageOf(caught));
  }
}

function readMeeting(target: string | undefined, server: string | undefined): Meeting {
  if (target !== undefined && /^https?:/i.test(target)) return readLink(target);
  if (server === undefined) throw new UsageError('no server: name one with --server or MILLRACE_SERVER');
  const url = toUrl(server);
  if (target === undefined) return { server: url };
  const code = findCode(target);
  if (code === undefined) throw new UsageError(`not a code: ${target}. A code is like 7-crossover-clockwork`);
  return { server: url, code };
}

function readLink(link: string): Meeting {
  const url = toUrl(findLostFragment(link)?.before ?? link);
  const fragment = new URLSearchParams(findFragment(link)?.slice(1));
  const room = fragment.get('room');
  const key = fragment.get('key');
  // An invite link without its key must not lead to a session with anyone.
  if (!room || !key) throw new UsageError('the invite link has no #room=...&key=...');
  url.hash = '';
  return { server: url, room, key };
}

function toUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') throw new UsageError(`not an address (http: or https:): ${text}`);
  // A server below a path is a folder, with or without its slash; a page such as index.html is not.
  if (!/\/[^/]*\.[^/]*$|\/$/.test(url.pathname)) url.pathname += '/';
  return url;
}
