// What administrators may do, and which role may do what. A permission is a capability: whoever holds
// none of the right name is refused. Invariant: a name that isn't in these lists permits nothing.

export const PERMISSIONS = [
  "people:read",
  "people:details",
  "people:unlock",
  "people:reset",
  "people:extend",
  "people:require",
  "people:bypass",
  "people:lock",
  "events:read",
  "clients:read",
  "settings:read",
  "settings:write",
  "admins:read",
  "admins:write",
  "keys:read",
  "keys:write",
] as const;
export type Permission = (typeof PERMISSIONS)[number];

export const ROLES = ["administrator", "manager", "help_desk", "read_only"] as const;
export type Role = (typeof ROLES)[number];

const GRANTED: Readonly<Record<Role, readonly Permission[]>> = {
  administrator: PERMISSIONS,
  manager: [
    "people:read",
    "people:details",
    "people:unlock",
    "people:reset",
    "people:extend",
    "people:require",
    "people:bypass",
    "people:lock",
    "events:read",
  ],
  // Names and states, without what else the directory says of a person.
  help_desk: ["people:read", "people:unlock", "people:reset", "people:extend"],
  read_only: [
    "people:read",
    "people:details",
    "events:read",
    "clients:read",
    "settings:read",
    "admins:read",
    "keys:read",
  ],
};

export function permissionsOf(role: Role): ReadonlySet<Permission> {
  return new Set(GRANTED[role]);
}

/** Of text from the store or from outside; undefined for a name that isn't one. */
export function findRole(name: string): Role | undefined {
  return ROLES.find((role) => role === name);
}

export function findPermission(name: string): Permission | undefined {
  return PERMISSIONS.find((permission) => permission === name);
}
