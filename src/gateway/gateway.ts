// A running gateway: store, directories, core and doors introduced to each other. Invariants: "ready"
// only when every listener is up; what was begun is finished or refused before the store closes.

import { describeProblem } from "../config/problem.ts";
import type { EventType } from "../core/audit.ts";
import { createLoginCounts } from "../doors/admin/login-counts.ts";
import type { ControlContext } from "../doors/control/context.ts";
import { listenControl } from "../doors/control/server.ts";
import { deriveKey } from "../lib/derive.ts";
import { createPasswordHasher } from "../lib/password-hash.ts";
import { type Admin, startAdmin } from "./admin.ts";
import { watchClock } from "./clock-watch.ts";
import { closeDirectories, startDirectories } from "./directories.ts";
import { openDoors } from "./doors.ts";
import { exemptIn } from "./exempt.ts";
import { healthReport } from "./health.ts";
import { startMail } from "./mail.ts";
import { createReload, watch, type Reload } from "./reload.ts";
import { revoking } from "./revoking.ts";
import { watchPeriods } from "./period-watch.ts";
import { lockoutOf, type GatewayOptions, type Running } from "./running.ts";
import { createSystemEvents, systemEvent, type SystemEvent } from "./system-events.ts";

// `run` ends the process after 9.5 s; a refusal's delay of a second or two fits well before.
const DRAIN_MS = 8_000;

export interface RunningGateway {
  readonly addresses: readonly string[];
  readonly reload: Reload;
  stop(): Promise<void>;
}

/** Throws with the address and the remedy when something can't be listened on; nothing stays open. */
export async function startGatewayParts(options: GatewayOptions): Promise<RunningGateway> {
  const { store, clock, log, loaded } = options;
  const record = createSystemEvents((event) => store.record(event), clock, log);
  for (const warning of loaded.warnings) log.warn({}, describeProblem(warning));
  const running: Running = {
    config: loaded.config,
    directories: await startDirectories(loaded.config, { clock, log, record }),
    stopWatching: () => undefined,
    loadedAt: clock.now(),
    isReloadGood: true,
    isStopping: false,
  };
  store.setRules(running.config.lockout, lockoutOf(running));
  try {
    return await open(options, running, record);
  } catch (error) {
    closeDirectories(running.directories);
    throw error;
  }
}

async function open(
  options: GatewayOptions,
  running: Running,
  record: SystemEvent,
): Promise<RunningGateway> {
  const { store, clock, log, version } = options;
  const startedAt = clock.monotonic();
  const logins = createLoginCounts();
  const passwords = createPasswordHasher(clock);
  const doors = await openDoors(options, running, logins);
  const closeDoors = async (error: unknown): Promise<never> => {
    await doors.close(0);
    throw error;
  };
  let admin: Admin | undefined;
  const administration = revoking(store, (person) => {
    doors.revoke(person);
    admin?.revoke(person);
  });
  const parts = { logins, doors, administration, passwords };
  admin = await startAdmin(options, running, parts).catch(closeDoors);
  const listeners = (): string[] => [...doors.addresses(), ...(admin ? [admin.url] : [])];
  const reload = createReload(
    options,
    running,
    (config, directories) => {
      if (config.admin !== undefined) admin?.reload(config.admin);
      return doors.reload(config, directories);
    },
    record,
  );
  const control = await listenControl(
    options.socketPath,
    controlContext(
      options,
      running,
      { administration, passwords },
      {
        health: async () =>
          healthReport(options, running, listeners(), clock.monotonic() - startedAt),
        reload,
        tryLogin: (client, login) => doors.radius.door.tryLogin(client, login),
      },
    ),
    log,
  ).catch(async (error: unknown) => {
    await admin?.close();
    return closeDoors(error);
  });
  const stopClock = watchClock(clock, store.newestEventAt(), log, record);
  const stopPeriods = watchPeriods(store, log);
  const stopMail = startMail(options, running);
  watch(running, reload, options.loaded.watch);
  // A store that can't be written now accepts nobody, and may be back before anybody looks.
  const tell = (type: EventType): Promise<void> =>
    store
      .record(systemEvent(clock, type, { details: { version } }))
      .catch((error: unknown) => log.error({ err: error, event_type: type }, "an event was lost"));
  await tell("service_start");
  log.info({ addresses: listeners(), control: control.path, version }, "ready");
  return {
    addresses: doors.addresses(),
    reload,
    async stop() {
      stopClock();
      stopPeriods();
      const mailStopped = stopMail();
      running.stopWatching();
      running.isStopping = true;
      await doors.close(DRAIN_MS);
      await admin?.close();
      await control.close();
      await mailStopped;
      closeDirectories(running.directories);
      await tell("service_stop");
    },
  };
}

/** Whatever a reload changes is read when it is asked for. */
function controlContext(
  { store, clock }: GatewayOptions,
  running: Running,
  parts: Pick<ControlContext, "administration" | "passwords">,
  gateway: ControlContext["gateway"],
): ControlContext {
  return {
    ...parts,
    administrators: store.administrators,
    get directories() {
      return [...running.directories.values()];
    },
    get issuer() {
      return running.config.totp.issuer;
    },
    get isExempt() {
      return exemptIn(running.config);
    },
    get periodMs() {
      return running.config.enrolment.periodMs;
    },
    bypassKey: deriveKey(running.config.masterKey, "bypass"),
    clock,
    gateway,
  };
}
