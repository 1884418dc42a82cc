/** The kind of network; `ConnectOptions.profile` and `profileLimits` describe its effects. */
export type Profile = 'auto' | 'lan-ethernet' | 'lan-wifi' | 'internet' | 'internet-poor' | 'mobile';
export const profiles: readonly Profile[] = ['auto', 'lan-ethernet', 'lan-wifi', 'internet', 'internet-poor', 'mobile'];
/**
 * How quickly the chunk size follows the link: 'aggressive' grows at once and shrinks late, 'conservative' the other way round.
 */
export type SizingMode = 'aggressive' | 'balanced' | 'conservative';
export const sizingModes: readonly SizingMode[] = ['aggressive', 'balanced', 'conservative'];
