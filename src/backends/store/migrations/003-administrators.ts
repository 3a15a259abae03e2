// Administrators and their API keys; the organisation gets the id that scripts ask for. AUTOINCREMENT:
// a session or an event that names somebody must never mean somebody who came later.

export const administrators = `
CREATE TABLE administrators (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  username TEXT NOT NULL,
  name_key TEXT NOT NULL UNIQUE,
  role TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'active',
  generation INTEGER NOT NULL DEFAULT 1,
  password_hash TEXT NOT NULL,
  password_set_at INTEGER NOT NULL,
  sealed BLOB NOT NULL,
  last_step INTEGER NOT NULL DEFAULT -1,
  failures INTEGER NOT NULL DEFAULT 0,
  locked_until INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  last_login_at INTEGER
) STRICT;

CREATE TABLE api_keys (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  owner INTEGER NOT NULL REFERENCES administrators (id) ON DELETE CASCADE,
  label TEXT NOT NULL,
  scopes TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  revoked_at INTEGER,
  last_used_at INTEGER,
  last_used_from TEXT
) STRICT;
CREATE INDEX api_keys_owner ON api_keys (owner);

INSERT INTO meta (key, value) VALUES ('organization', lower(hex(randomblob(12))));
`;
