/**
 * `ecrin status`: which registries of ECR are logged in, in which tools, where that is kept, and
 * until when. Nothing is asked of AWS or of a registry.
 *
 * @module
 */

import { optional } from "./cli.ts";
import { amazonsHelper } from "./docker_config.ts";
import { parseDuration } from "./duration.ts";
import { type ExitCode, exitCodes } from "./errors.ts";
import { hasExpired, storedLoginRecord, storeShown, toolsShown } from "./login_record.ts";
import { loginSelection, selectLogins } from "./login_selection.ts";
import { errorRecord, type RunCommand, type RunContext } from "./run.ts";
import { type EcrLogin, findStoredLogins } from "./stored_logins.ts";
import { shortPath } from "./stores.ts";
import type { System } from "./system.ts";
import { formatTable } from "./table.ts";
import { shortTime, until } from "./terminal.ts";

/**
 * Prints the logins. With `--check` the exit code is 4 unless everything that was named, or else
 * everything there is, is logged in for that long; that of the first store that could not be read
 * comes before.
 */
export const run: RunCommand = async (line, context) => {
  const { system, terminal, results } = context;
  const selection = loginSelection(line, system);
  const check = optional(line, "check", parseDuration);
  for (const warning of selection.warnings) terminal.warn(warning);
  const reading = findStoredLogins(selection.files, context);
  const found = await terminal.during("asking the credential stores", reading);
  const used = found.logins.filter((login) => !isUnused(login));
  const { logins, missing } = selectLogins({ ...found, logins: used }, selection);
  const now = system.now();
  results.push(...logins.map((login) => storedLoginRecord(login, now)));
  if (logins.length > 0 && !line.values.has("json") && !line.values.has("quiet")) {
    const header = ["REGISTRY", "TOOL", "EXPIRES", "STORE", "ACCOUNT", "REGION"];
    system.stdout(formatTable(header, logins.map((login) => row(login, system, now))));
  }
  for (const file of found.leftToAmazon) {
    terminal.say(
      `${shortPath(file.path, system)} leaves ECR to Amazon's helper, ${amazonsHelper}: ` +
        "it stores no logins",
    );
  }
  for (const { registry, file } of selectLogins(found, selection).logins.filter(isUnused)) {
    terminal.say(
      `${file.tools[0]} does not use the login to ${registry.host} in ` +
        `${shortPath(file.path, system)}: a credential store is set there`,
    );
  }
  for (const error of found.errors) terminal.fail(error);
  // it may be in what could not be read
  if (found.errors.length === 0) {
    for (const name of missing) terminal.say(`not logged in to ${name}`);
  }
  warnOfPublic(logins, context, now);
  const failing = check === undefined ? [] : failingCheck(logins, check, now);
  for (const line of failing) terminal.say(line);
  const failed = check !== undefined && (missing.length > 0 || failing.length > 0);
  if (failed) terminal.say("to log in, run: ecrin REGISTRY");
  const checked: ExitCode = failed ? exitCodes.credentials : exitCodes.ok;
  return {
    exitCode: found.errors[0]?.exitCode ?? checked,
    json: {
      missing: selection.named.length > 0 ? missing : [],
      errors: found.errors.map(errorRecord),
    },
  };
};

function isUnused({ state }: EcrLogin): boolean {
  return state === "unused";
}

function row(login: EcrLogin, system: System, now: Date): string[] {
  const { registry } = login;
  return [
    registry.host,
    toolsShown(login, system),
    expiry(login, now),
    storeShown(login, system),
    registry.account ?? "-",
    registry.public ? "-" : registry.region,
  ];
}

function expiry({ state, expiresAt }: EcrLogin, now: Date): string {
  if (state === "amazon") return "never, Amazon's helper renews it";
  if (expiresAt === undefined) return "unknown";
  const time = shortTime(expiresAt, now);
  return hasExpired({ expiresAt }, now) ? `expired ${time}` : time;
}

/** What does not last for `seconds`, a line each. */
function failingCheck(logins: readonly EcrLogin[], seconds: number, now: Date): string[] {
  const latest = now.getTime() + seconds * 1000;
  return logins.filter(({ state }) => state === "stored").flatMap(
    ({ registry, expiresAt, file }) => {
      const where = `${registry.host} (${file.tools[0]})`;
      if (expiresAt === undefined) return [`cannot tell how long the login to ${where} lasts`];
      if (expiresAt.getTime() >= latest) return [];
      const time = until(expiresAt, now);
      const expired = hasExpired({ expiresAt }, now);
      return [`the login to ${where} ${expired ? "has expired" : `lasts ${time} only`}`];
    },
  );
}

/** ECR Public refuses an expired login, where it would let anybody pull who shows none. */
function warnOfPublic(
  logins: readonly EcrLogin[],
  { terminal }: RunContext,
  now: Date,
): void {
  const expired = logins.filter((login) => login.registry.public && hasExpired(login, now));
  for (const host of new Set(expired.map(({ registry }) => registry.host))) {
    terminal.warn(
      `the login to ${host} has expired, which breaks pulls that need none; ` +
        `run: ecrin logout ${host}`,
    );
  }
}
