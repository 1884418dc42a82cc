import { MillraceError } from '../api/errors.js';
import { profiles, type Profile } from '../api/profile.js';
import { choice } from '../api/shape.js';
import { core, type ProfileLimits } from '../wasm/parts.js';

/** Lanes, chunk sizes (bytes) and mode for a kind of network. Errors: throws 'invalid-argument' for an unknown profile. */
export function profileLimits(profile: Profile): ProfileLimits {
  const limits = core().profile(choice<Profile>(profiles).check(profile, 'profile'));
  if (!limits) throw new MillraceError('invalid-argument', `profile: ${profile}`);
  return limits;
}
