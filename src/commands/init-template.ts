// The files `gatehouse init` writes that hold no secret.

/** Stands in secrets/bind until somebody puts the real password there. */
export const PLACEHOLDER = "replace-this-with-the-password-of-the-service-account";

export const CONFIGURATION = `# Gatehouse configuration. Paths are relative to this file's folder.
# After every change: gatehouse check --config gatehouse.yaml
# Every key with its default and meaning: docs/configuration.md

store:
  sqlite: data/gatehouse.db

# Protects tokens in the store. Keep a copy elsewhere; without it no token can be read.
master_key: { file: data/master.key }

directories:
  - name: corp
    # Edit: your directory servers, the preferred one first.
    urls: ["ldaps://ldap.example.org"]
    # The CA that signed their certificates, unless the operating system knows it already.
    # ca: certs/directory-ca.pem
    # Edit: a service account that may look people up; its password is in secrets/bind.
    bind_dn: "cn=gatehouse,ou=services,dc=example,dc=org"
    bind_password: { file: secrets/bind }
    base: "dc=example,dc=org"
    # OpenLDAP, FreeIPA: uid. Active Directory: sAMAccountName.
    username_attribute: uid
    # Wrong passwords after which the directory itself locks an account, unless bind_dn can read that.
    # lockout_threshold: 10

radius:
  listen: ["0.0.0.0:1812"]
  clients:
    - name: vpn
      # Edit: the address of your VPN gateway.
      addresses: ["192.0.2.1"]
      # Generated; give the same secret to the VPN gateway.
      secret: { file: secrets/vpn }
      # disabled | enabled | required | always
      mfa: required
      # Who may log in here; empty: everyone in the directory.
      allow_groups: []

# Applications that log people in over LDAP bind here instead of at the directory: docs/ldap.md.
# The certificates in certs/ are for a first try; replace them with one your applications trust.
# ldap:
#   listeners:
#     - name: apps
#       listen: "0.0.0.0:636"
#       certificate: certs/server.pem
#       key: certs/server.key
#       # A service account that searches before people bind is asked for no code from there:
#       # exempt: [{ dn: "cn=app,ou=services,dc=example,dc=org", addresses: ["192.0.2.10"] }]

totp:
  # The name people see in their authenticator app.
  issuer: Example

lockout:
  attempts: 6
  window: 30m
  duration: 10m

# Health checks and metrics for Prometheus: docs/operations.md, "Monitoring".
# admin: { listen: "127.0.0.1:9464", tls: none }
# The same and the portal, where people enrol themselves: docs/portal.md.
# admin:
#   listen: "0.0.0.0:8443"
#   certificate: certs/server.pem
#   key: certs/server.key
#   public_url: https://mfa.example.org:8443
# enrolment: { allow_from: ["192.0.2.0/24"] }
`;

export const IGNORED = `# Keys, secrets and the store don't belong into version control.
data/
secrets/
*.key
`;
