// FreeRADIUS 3.2 doing the same job: PAP, "password,code" split, LDAP search and bind, TOTP from the
// person's entry. It writes nothing down and remembers no code: the comparison favours it.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { BASE, SHARED_SECRET } from "./people.ts";
import { findProgram, start, stop, type Server } from "./process.ts";

export interface FreeRadiusOptions {
  readonly folder: string;
  readonly port: number;
  readonly directoryPort: number;
  readonly threads: number;
}

/** Undefined when it isn't installed (Debian: apt-get install freeradius freeradius-ldap). */
export async function startFreeRadius(options: FreeRadiusOptions): Promise<Server | undefined> {
  const program = findProgram(["freeradius", "radiusd"]);
  if (program === undefined) return undefined;
  const { folder, port, threads } = options;
  rmSync(folder, { recursive: true, force: true });
  for (const name of ["mods-enabled", "run", "log"]) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  writeFileSync(join(folder, "radiusd.conf"), server(options));
  writeFileSync(join(folder, "mods-enabled/ldap"), ldap(options));
  writeFileSync(join(folder, "mods-enabled/always"), "always reject {\n  rcode = reject\n}\n");
  writeFileSync(join(folder, "mods-enabled/totp"), "totp {\n}\n");
  writeFileSync(join(folder, "dictionary"), "# none\n");
  const child = start(program, ["-f", "-d", folder, "-n", "radiusd"]);
  // It says nothing when it is ready; its connections to the directory take a moment.
  await wait(2_000);
  if (child.exitCode !== null) throw new Error(`FreeRADIUS ended: see ${folder}/log/radius.log`);
  const name = `FreeRADIUS, ${threads} threads`;
  return { name, pid: child.pid ?? 0, port, stop: () => stop(child) };
}

function server({ folder, port, threads }: FreeRadiusOptions): string {
  return `prefix = /usr
raddbdir = ${folder}
confdir = ${folder}
run_dir = ${folder}/run
logdir = ${folder}/log
libdir = /usr/lib/freeradius
pidfile = ${folder}/run/radiusd.pid
max_request_time = 30
cleanup_delay = 1
max_requests = 65536
hostname_lookups = no
log {
  destination = files
  file = ${folder}/log/radius.log
  auth = no
}
security {
  max_attributes = 200
  reject_delay = 0
  status_server = yes
}
proxy_requests = no
thread pool {
  start_servers = ${threads}
  max_servers = ${threads}
  min_spare_servers = 1
  max_spare_servers = ${threads}
  max_queue_size = 65536
  max_requests_per_server = 0
  auto_limit_acct = no
}
client localhost {
  ipaddr = 127.0.0.0/8
  secret = ${SHARED_SECRET}
  require_message_authenticator = yes
}
modules {
  $INCLUDE mods-enabled/
}
server default {
  listen {
    type = auth
    ipaddr = 127.0.0.1
    port = ${port}
  }
  authorize {
    if (&User-Password =~ /^(.*),([0-9]{6})$/) {
      update request {
        &User-Password := "%{1}"
        &TOTP-Password := "%{2}"
      }
    }
    else {
      reject
    }
    ldap
    update control {
      Auth-Type := LDAP
    }
  }
  authenticate {
    Auth-Type LDAP {
      ldap
      if (ok) {
        totp.authenticate
      }
    }
  }
}
`;
}

function ldap({ directoryPort }: FreeRadiusOptions): string {
  return `ldap {
  server = '127.0.0.1'
  port = ${directoryPort}
  base_dn = '${BASE}'
  update {
    control:TOTP-Secret := 'description'
  }
  user {
    base_dn = "ou=people,${BASE}"
    filter = "(uid=%{User-Name})"
    scope = 'one'
  }
  options {
    chase_referrals = no
    rebind = no
    res_timeout = 10
    srv_timelimit = 3
    net_timeout = 3
    idle = 60
    probes = 3
    interval = 3
    ldap_debug = 0x0000
  }
  pool {
    start = 8
    min = 4
    max = 64
    spare = 8
    uses = 0
    retry_delay = 1
    lifetime = 0
    idle_timeout = 60
  }
}
`;
}
