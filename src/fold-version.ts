/**
 * Raised whenever this version would fold the same events under the same rules and settings into other profiles or other
 * actions than the version before. Input that was committed under one and not saved is not replayed under another: the
 * partition stops with the reason `settings`, and says which version of beckon is to save it first.
 */
export const foldVersion = 2
