// Runs the system's network commands.
import { execFile } from 'node:child_process';

/** Debian keeps ip, nft and conntrack in sbin, which is not on every user's path. */
export const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin:/usr/local/sbin` };

/**
 * Runs a command to its end and gives what it printed. `input`: its stdin.
 * Errors: rejects with the command and what it printed where it fails or cannot be started.
 *
 * @param {string} command @param {readonly string[]} args @param {string} [input]
 * @returns {Promise<string>}
 */
export function run(command, args, input = '') {
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, { env }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${command} ${args.join(' ')}: ${(stderr || stdout || error.message).trim()}\n${input}`.trim()));
    });
    // A command that fails at once may not read its input.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/**
 * Runs several `ip` commands, one a line, inside a network namespace. `family`: of routes and rules, where the line does not say.
 *
 * @param {string} namespace @param {readonly string[]} lines @param {4 | 6} [family]
 */
export async function ip(namespace, lines, family) {
  await run('ip', [...(family === undefined ? [] : [`-${family}`]), '-n', namespace, '-batch', '-'], `${lines.join('\n')}\n`);
}

/** The command line that runs a command inside a network namespace. @param {string} namespace @param {readonly string[]} command */
export const inside = (namespace, command) => ['netns', 'exec', namespace, ...command];
