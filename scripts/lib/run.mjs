import { spawn } from 'node:child_process';

/** The exit code of a command that was ended because it took too long, as timeout(1) has it. */
export const timeLimitCode = 124;

/**
 * Runs a command to its end. Never rejects: a command that cannot be started answers code 127 and why.
 *
 * `env` is added to this process's own. `separate` keeps stdout and stderr apart (`stdout`, `stderr`), else `output` has
 * both as they came. `show` passes all of it on at once as well. After `limitSeconds` the command is
 * ended, and its code is `timeLimitCode`.
 */
export function run(command, args, { cwd, env = {}, separate = false, show = false, limitSeconds } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'], timeout: limitSeconds && limitSeconds * 1000 });
    const output = [];
    const stdout = [];
    const stderr = [];
    child.stdout.on('data', (data) => {
      (separate ? stdout : output).push(data);
      if (show) process.stdout.write(data);
    });
    child.stderr.on('data', (data) => {
      (separate ? stderr : output).push(data);
      if (show) process.stdout.write(data);
    });
    const text = (chunks) => Buffer.concat(chunks).toString('utf8');
    child.on('error', (error) => resolve({ code: 127, output: error.message, stdout: '', stderr: error.message }));
    // What it has started may outlive it and hold them open.
    child.on('exit', () => setTimeout(() => [child.stdout, child.stderr].forEach((stream) => stream.destroy()), 5_000).unref());
    child.on('close', (code, signal) => {
      const words = child.killed ? `did not end within ${limitSeconds} s\n` : signal === null ? '' : `ended by ${signal}\n`;
      (separate ? stderr : output).push(Buffer.from(words));
      resolve({ code: child.killed ? timeLimitCode : code ?? 128, output: text(output), stdout: text(stdout), stderr: text(stderr) });
    });
  });
}
