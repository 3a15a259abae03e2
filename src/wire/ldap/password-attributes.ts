// The attributes in which directories keep what proves who somebody is, by name and OID, and the
// check whether a name on the wire is one of them. Invariants: letter case and options
// (`userPassword;x-1`) make no difference, and no name is built to find out: this is asked for every
// attribute of every entry that passes.

// Only where knowing or comparing the value helps to log in: passwords, their hashes and histories,
// Kerberos keys, seeds of one-time codes, passwords by which servers bind to each other. Not here:
// userPKCS12 and certificates (a passphrase of its own protects the key), the passwords of local
// accounts that Windows LAPS keeps (they open no directory), dates and policies about passwords.
export const PASSWORD_ATTRIBUTES: readonly (readonly [name: string, oid?: string])[] = [
  // RFC 4519 §2.41 and RFC 3112.
  ["userPassword", "2.5.4.35"],
  ["authPassword", "1.3.6.1.4.1.4203.1.3.4"],
  // draft-behera-ldap-password-policy-10 §5.3.7; OpenLDAP's configuration and one-time codes.
  ["pwdHistory", "1.3.6.1.4.1.42.2.27.8.1.20"],
  ["olcRootPW", "1.3.6.1.4.1.4203.1.12.2.3.2.0.9"],
  ["oathSecret", "1.3.6.1.4.1.5427.1.389.4226.4.1"],
  // 389 Directory Server and FreeIPA.
  ["passwordHistory", "2.16.840.1.113730.3.1.96"],
  ["unhashed#user#password"],
  ["nsslapd-rootpw"],
  ["nsslapd-rootdnpw", "2.16.840.1.113730.3.1.2208"],
  ["nsDS5ReplicaCredentials", "2.16.840.1.113730.3.1.582"],
  ["nsDS5ReplicaBootstrapCredentials", "2.16.840.1.113730.3.1.2372"],
  ["replicaCredentials", "2.16.840.1.113730.3.1.202"],
  ["dnaRemoteBindCred", "2.16.840.1.113730.3.1.2157"],
  ["nsMultiplexorCredentials"],
  ["ntUserNtPassword", "2.16.840.1.113730.3.1.2334"],
  ["ipaNTHash", "2.16.840.1.113730.3.8.11.5"],
  ["ipatokenOTPkey", "2.16.840.1.113730.3.8.16.1.8"],
  // Kerberos, MIT's schema and Heimdal's.
  ["krbPrincipalKey", "2.16.840.1.113719.1.301.4.39.1"],
  ["krbPwdHistory", "2.16.840.1.113719.1.301.4.44.1"],
  ["krbMKey", "2.16.840.1.113719.1.301.4.46.1"],
  ["krb5Key", "1.3.6.1.4.1.5322.10.1.10"],
  // Active Directory and Samba as a domain controller.
  ["unicodePwd", "1.2.840.113556.1.4.90"],
  ["dBCSPwd", "1.2.840.113556.1.4.55"],
  ["ntPwdHistory", "1.2.840.113556.1.4.94"],
  ["lmPwdHistory", "1.2.840.113556.1.4.160"],
  ["supplementalCredentials", "1.2.840.113556.1.4.125"],
  ["msDS-ManagedPassword", "1.2.840.113556.1.4.2196"],
  ["clearTextPassword"],
  // Samba over somebody else's directory, now and before version 3.
  ["sambaLMPassword", "1.3.6.1.4.1.7165.2.1.24"],
  ["sambaNTPassword", "1.3.6.1.4.1.7165.2.1.25"],
  ["sambaPasswordHistory", "1.3.6.1.4.1.7165.2.1.54"],
  ["sambaClearTextPassword", "1.3.6.1.4.1.7165.2.1.68"],
  ["sambaPreviousClearTextPassword", "1.3.6.1.4.1.7165.2.1.69"],
  ["lmPassword", "1.3.6.1.4.1.7165.2.1.1"],
  ["ntPassword", "1.3.6.1.4.1.7165.2.1.2"],
];

/** The spellings of one length, in lower case. */
const BY_LENGTH: readonly (readonly Buffer[] | undefined)[] = byLength(
  PASSWORD_ATTRIBUTES.flat().map((name = "") => Buffer.from(name.toLowerCase(), "latin1")),
);

function byLength(names: readonly Buffer[]): readonly (readonly Buffer[] | undefined)[] {
  const lists: Buffer[][] = [];
  for (const name of names) (lists[name.length] ??= []).push(name);
  return lists;
}

/** RFC 4512 §2.5: what follows is an option. */
const SEMICOLON = 0x3b;
/** The octet by which upper and lower case differ; in digits, "." and "-" it is set anyway. */
const LOWER_CASE = 0x20;
/** "oid." before an OID, as RFC 1779 had it: some servers still read it. */
const OID_PREFIX = Buffer.from("oid.", "latin1");

/** Whether the octets `from` … `to` are an attribute description of a password attribute. */
export function isPasswordAttribute(bytes: Buffer, from: number, to: number): boolean {
  const start = startsWith(bytes, from, to, OID_PREFIX) ? from + OID_PREFIX.length : from;
  let end = start;
  while (end < to && bytes[end] !== SEMICOLON) end += 1;
  const candidates = BY_LENGTH[end - start];
  if (candidates === undefined) return false;
  for (const candidate of candidates) {
    if (startsWith(bytes, start, end, candidate)) return true;
  }
  return false;
}

/** Whether one of the values of an RDN, in canonical form, is one of a password attribute. */
export function isPasswordRdn(rdn: string): boolean {
  return rdn.split("+").some((part) => {
    const type = Buffer.from(part.slice(0, part.indexOf("=")), "latin1");
    return isPasswordAttribute(type, 0, type.length);
  });
}

/** Without regard to case. A few more octets than letters are taken for each other: none in names. */
function startsWith(bytes: Buffer, from: number, to: number, name: Buffer): boolean {
  if (to - from < name.length) return false;
  for (let index = 0; index < name.length; index += 1) {
    if (((bytes[from + index] ?? 0) | LOWER_CASE) !== ((name[index] ?? 0) | LOWER_CASE)) {
      return false;
    }
  }
  return true;
}

/**
 * Whether the octets are an attribute description at all (RFC 4512 §1.4, §2.5): letters, digits,
 * "-", ";", and "." in an OID without leading zeros. "_" because Active Directory's and Novell's
 * schemas have it. Anything else some server might read as another name than is compared here.
 */
export function isAttributeDescription(bytes: Buffer, from: number, to: number): boolean {
  if (from >= to) return false;
  for (let at = from; at < to; at += 1) {
    const octet = bytes[at] ?? 0;
    const isLetter = (octet | LOWER_CASE) >= 0x61 && (octet | LOWER_CASE) <= 0x7a;
    const isDigit = octet >= 0x30 && octet <= 0x39;
    if (!isLetter && !isDigit && !OTHERS.has(octet)) return false;
    if (octet === ZERO && isLeadingZero(bytes, at, from, to)) return false;
  }
  return true;
}

const OTHERS: ReadonlySet<number> = new Set(Buffer.from("-;._", "latin1"));
const ZERO = 0x30;
const DOT = 0x2e;

/** "0" at the start of a number of an OID, with a digit behind it. */
function isLeadingZero(bytes: Buffer, at: number, from: number, to: number): boolean {
  const isFirst = at === from || bytes[at - 1] === DOT;
  const next = at + 1 < to ? (bytes[at + 1] ?? 0) : 0;
  return isFirst && next >= 0x30 && next <= 0x39;
}
