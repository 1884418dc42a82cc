import { MillraceError } from '../errors.js';
import type { Profile } from '../core.js';
import { core, type ProfileLimits } from './core.js';

/** Lanes, chunk sizes (bytes) and mode that suit a kind of network. Errors: throws 'invalid-argument' for what is none. */
export function profileLimits(profile: Profile): ProfileLimits {
  const limits = core.profile(profile);
  if (!limits) throw new MillraceError('invalid-argument', `profile: ${profile}`);
  return limits;
}
