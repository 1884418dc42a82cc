import { MillraceError } from '../api/errors.js';
import type { Profile } from '../api/profile.js';
import { core, type ProfileLimits } from '../wasm/parts.js';

/** Lanes, chunk sizes (bytes) and mode that suit a kind of network. Errors: throws 'invalid-argument' for what is none. */
export function profileLimits(profile: Profile): ProfileLimits {
  const limits = core.profile(profile);
  if (!limits) throw new MillraceError('invalid-argument', `profile: ${profile}`);
  return limits;
}
