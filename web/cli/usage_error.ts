/** A usage error: the command line is invalid, or names something that cannot be used. */
export class UsageError extends Error {}
