// Of whom a factor was demanded, and what has become of the enrolment period: "open" until somebody
// has looked at its end, then "met" or "expired"; "met" is open again for whoever loses the token.

export const enrolmentPeriods = `
ALTER TABLE accounts ADD COLUMN requirement_of TEXT;
ALTER TABLE accounts ADD COLUMN period_state TEXT;
UPDATE accounts SET requirement_of = 'person', period_state = 'open'
  WHERE requirement_until IS NOT NULL;
CREATE INDEX accounts_period ON accounts (requirement_until) WHERE period_state = 'open';
`;
