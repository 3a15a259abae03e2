// Which role may do what: the whole table, so that a change of it is seen.

import t from "tap";

import {
  findPermission,
  findRole,
  PERMISSIONS,
  permissionsOf,
  ROLES,
} from "../../src/core/permissions.ts";

const TABLE = `
people:read      administrator manager help_desk read_only
people:details   administrator manager read_only
people:unlock    administrator manager help_desk
people:reset     administrator manager help_desk
people:extend    administrator manager help_desk
people:require   administrator manager
people:bypass    administrator manager
people:lock      administrator manager
events:read      administrator manager read_only
clients:read     administrator read_only
settings:read    administrator read_only
settings:write   administrator
admins:read      administrator read_only
admins:write     administrator
keys:read        administrator read_only
keys:write       administrator
`;

t.test("H06-H09: each role has its permissions and no more", async (t) => {
  const rows = PERMISSIONS.map((permission) => {
    const roles = ROLES.filter((role) => permissionsOf(role).has(permission));
    return `${permission.padEnd(16)} ${roles.join(" ")}`;
  });
  t.equal(rows.join("\n"), TABLE.trim());
});

t.test("another name is no role and no permission", async (t) => {
  for (const name of ["", "Administrator", "__proto__", "people:*"]) {
    t.equal(findRole(name), undefined);
    t.equal(findPermission(name), undefined);
  }
});
