import { MillraceError } from '../api/errors.js';
import type { Profile } from '../api/profile.js';
import { core, type ProfileLimits } from '../wasm/parts.js';

/** Lanes, chunk sizes (bytes) and mode for a kind of network. Errors: throws 'invalid-argument' for an unknown profile. */
export function profileLimits(profile: Profile): ProfileLimits {
  const limits = core.profile(profile);
  if (!limits) throw new MillraceError('invalid-argument', `profile: ${profile}`);
  return limits;
}
