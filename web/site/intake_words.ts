import { MAX_FILES } from '../sources/directory_walk.js';
import { mostCounted, type Intake, type Reason } from './intake.js';

const mostNames = 3;

/** What was left out and why, in sentences; empty where everything is sent. */
export function describeIntake({ files, leftOut, tooMany }: Intake): string {
  if (tooMany !== undefined) {
    const number = tooMany > mostCounted ? `more than ${mostCounted.toLocaleString('en')}` : tooMany.toLocaleString('en');
    return `These are ${number} files, and at most ${MAX_FILES.toLocaleString('en')} can be sent at once. Choose fewer, or pack them into one archive.`;
  }
  const problems = (['unreadable', 'too-deep', 'empty-folder'] as const).flatMap((reason) => {
    const paths = leftOut.filter((each) => each.reason === reason).map(({ path }) => path);
    return paths.length === 0 ? [] : [`${list(paths)} ${phraseOf(reason, paths.length)}`];
  });
  if (problems.length === 0) return '';
  const offered = files.length === 0 ? 'nothing is sent' : files.length === 1 ? 'the other file is offered' : `the other ${files.length.toLocaleString('en')} files are offered`;
  return `${problems.join('; ')}; ${offered}.`;
}

/** The same for one line of a list. */
export function describeReason(reason: Reason): string {
  return phraseOf(reason, 1);
}

function phraseOf(reason: Reason, count: number): string {
  switch (reason) {
    case 'unreadable':
      return 'could not be read';
    case 'too-deep':
      return count === 1 ? 'lies in too many folders' : 'lie in too many folders';
    case 'empty-folder':
      return count === 1 ? 'is an empty folder' : 'are empty folders';
  }
}

function list(paths: readonly string[]): string {
  const more = paths.length - mostNames;
  const names = paths.slice(0, mostNames).map((path) => `“${shorten(path)}”`);
  if (more > 0) return `${names.join(', ')} and ${more.toLocaleString('en')} more`;
  return names.length === 1 ? names[0]! : `${names.slice(0, -1).join(', ')} and ${names.at(-1)!}`;
}

/** The start and the end of a long path. */
function shorten(path: string): string {
  const characters = [...path];
  return characters.length <= 80 ? path : `${characters.slice(0, 38).join('')}…${characters.slice(-40).join('')}`;
}
