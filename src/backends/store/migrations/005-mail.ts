// Mails that wait: at most one of each template for a person, of the enrolment period that ends at
// `until`. What was sent or given up is gone: that is how it is known as sent.

export const mail = `
CREATE TABLE mails (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  template TEXT NOT NULL,
  until INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  unsettled INTEGER NOT NULL DEFAULT 0,
  tried_at INTEGER,
  UNIQUE (account, template)
) STRICT;
CREATE INDEX mails_due ON mails (due_at);
CREATE INDEX mails_tried ON mails (tried_at) WHERE tried_at IS NOT NULL;

-- Periods that are under way were announced by somebody; their end is told from now on.
INSERT INTO mails (account, template, until, due_at)
  SELECT id, 'enrolment-reminder', requirement_until, requirement_until - 86400000
  FROM accounts WHERE requirement_until IS NOT NULL;
`;
