// Recovery codes: keyed hashes, a row each, for as long as the token they stand in for. A used one
// stays until the set is replaced, so that it is known as used.

export const recoveryCodes = `
CREATE TABLE recovery_codes (
  account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  hash TEXT NOT NULL,
  used_at INTEGER,
  PRIMARY KEY (account, hash)
) STRICT, WITHOUT ROWID;
`;
