import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/**
 * Makes a `localStorage` for the secret from which a sender derives the names of its transfers: a later run offers the same files under
 * the same name, and the other side continues. It lies in one file that only this user can read.
 */
export function provideResumeState(env: Readonly<Record<string, string | undefined>>): void {
  const file = join(env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), 'millrace', 'resume.json');
  const storage = {
    getItem: (): string | null => {
      try {
        return readFileSync(file, 'utf8');
      } catch {
        return null;
      }
    },
    setItem: (_key: string, value: string): void => {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      writeFileSync(file, value, { mode: 0o600 });
    },
  };
  Object.defineProperty(globalThis, 'localStorage', { value: storage, configurable: true });
}
