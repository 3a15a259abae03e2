// The first schema. People are keyed on (directory, immutable id); a row without an id is an import
// waiting for its first login. Times are milliseconds UTC.

export const initial = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
  id INTEGER PRIMARY KEY,
  directory TEXT NOT NULL,
  immutable_id TEXT,
  username TEXT NOT NULL,
  name_key TEXT NOT NULL,
  dn TEXT NOT NULL,
  generation INTEGER NOT NULL DEFAULT 0,
  requirement_until INTEGER,
  bypass_hash TEXT,
  bypass_until INTEGER,
  suspicion INTEGER NOT NULL DEFAULT 0,
  admin_locked INTEGER NOT NULL DEFAULT 0,
  failed_binds INTEGER NOT NULL DEFAULT 0,
  failed_bind_at INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX accounts_identity ON accounts (directory, immutable_id);
CREATE INDEX accounts_name ON accounts (name_key, directory);

-- source '': everybody the person isn't known to log in from.
CREATE TABLE counters (
  account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  source TEXT NOT NULL,
  password_failures INTEGER NOT NULL DEFAULT 0,
  code_failures INTEGER NOT NULL DEFAULT 0,
  last_failure_at INTEGER NOT NULL DEFAULT 0,
  locked_until INTEGER NOT NULL DEFAULT 0,
  lock_level INTEGER NOT NULL DEFAULT 0,
  last_success_at INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (account, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account INTEGER NOT NULL UNIQUE REFERENCES accounts (id) ON DELETE CASCADE,
  generation INTEGER NOT NULL,
  sealed BLOB NOT NULL,
  algorithm TEXT NOT NULL,
  digits INTEGER NOT NULL,
  period INTEGER NOT NULL,
  last_step INTEGER NOT NULL DEFAULT -1,
  drift REAL NOT NULL DEFAULT 0,
  enrolled_at INTEGER NOT NULL,
  last_used_at INTEGER
) STRICT;

CREATE TABLE nonces (nonce TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX nonces_expiry ON nonces (expires_at);

CREATE TABLE learnt (kind TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (kind, key))
  STRICT, WITHOUT ROWID;

CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  username TEXT,
  json TEXT NOT NULL,
  hash BLOB NOT NULL
) STRICT;
CREATE INDEX events_username ON events (username, seq) WHERE username IS NOT NULL;
`;
