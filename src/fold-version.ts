/**
 * Raise it whenever the same events, rules and settings give other profiles or actions than in the version before. Input that
 * was committed under one fold version and is not saved yet can't be replayed under another: the partition stops with the
 * reason `settings`, and says which version of beckon must save it first.
 */
export const foldVersion = 3
