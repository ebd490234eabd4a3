/**
 * `ecrin logout`: removes logins to ECR, and nothing else, from wherever container tools keep them.
 *
 * @module
 */

import { dirname } from "node:path";
import type { CommandLine } from "./command_line.ts";
import { type DockerConfig, type LoginChange, readLogin } from "./docker_config.ts";
import { changeLogins } from "./docker_config_file.ts";
import { type ExitCode, exitCodes, usageError, UserError } from "./errors.ts";
import { expiryOf } from "./expiry.ts";
import {
  hasExpired,
  type StoredLoginRecord,
  storedLoginRecord,
  toolsShown,
} from "./login_record.ts";
import { type LoginSelection, loginSelection, selectLogins } from "./login_selection.ts";
import { type ErrorRecord, errorRecord, type RunCommand, type RunContext } from "./run.ts";
import {
  type EcrLogin,
  findStoredLogins,
  registryOfKey,
  type StoredLogins,
} from "./stored_logins.ts";
import { lockStore } from "./store_lock.ts";
import type { StoreFile } from "./stores.ts";

/** A login that was removed, or should have been, in `--json`. */
export interface LogoutRecord extends StoredLoginRecord {
  readonly ok: boolean;
  readonly error?: ErrorRecord;
}

/**
 * Logs out of what was named. That a registry is not logged in is no failure; a store that fails
 * does not keep the others from being changed, and the exit code is that of the first that failed.
 */
export const run: RunCommand = async (line, context) => {
  const { system, terminal } = context;
  const selection = loginSelection(line, system);
  for (const warning of selection.warnings) terminal.warn(warning);
  refuseBoth(line, selection);
  const reading = findStoredLogins(selection.files, context);
  const found = await terminal.during("asking the credential stores", reading);
  refuseNeither(line, selection, found);
  const expiredOnly = line.values.has("expired");
  const { logins, missing } = selectLogins(found, selection);
  const now = system.now();
  const chosen = logins.filter((login) => !expiredOnly || hasExpired(login, now));
  for (const error of found.errors) terminal.fail(error);
  // with an error, it may be in what could not be read
  if (found.errors.length === 0) {
    for (const name of missing) terminal.say(`not logged in to ${name}`);
    if (missing.length === 0 && chosen.length === 0) terminal.say("no login has expired");
  }
  const failed = found.errors[0]?.exitCode ?? exitCodes.ok;
  const json = {
    missing: selection.named.length > 0 ? missing : [],
    errors: found.errors.map(errorRecord),
  };
  if (line.values.has("dry-run")) {
    for (const login of chosen) {
      if (login.state === "amazon") sayAmazons(login, context);
      else terminal.say(`would log out of ${nameOf(login, context)}`);
    }
    context.results.push(...chosen.map((login) => record(login, context)));
    return { exitCode: failed, json: { dryRun: true, ...json } };
  }
  let exitCode: ExitCode = failed;
  for (const file of selection.files) {
    const logins = chosen.filter((login) => login.file === file);
    const code = await logOut(file, logins, { ...context, expiredOnly });
    if (exitCode === exitCodes.ok) exitCode = code;
  }
  return { exitCode, json };
};

function refuseBoth({ values }: CommandLine, { named }: LoginSelection): void {
  if (!values.has("all") || named.length === 0) return;
  throw usageError(
    "two-selections",
    `--all means every registry, and ${named[0]?.name} was named too`,
    "give one of them",
  );
}

function refuseNeither(
  { values }: CommandLine,
  { named, tools }: LoginSelection,
  { logins }: StoredLogins,
): void {
  if (named.length > 0 || values.has("all") || values.has("expired")) return;
  const hosts = [...new Set(logins.map(({ registry }) => registry.host))];
  const flags = tools.map((tool) => ` --tool ${tool}`).join("");
  const shown = hosts.slice(0, 5).join(", ") + (hosts.length > 5 ? ", …" : "");
  throw usageError(
    "nothing-named",
    hosts.length === 0
      ? "nothing to log out of was named, and no tool is logged in to ECR"
      : `nothing to log out of was named; logged in are: ${shown}`,
    `name registries, or use: ecrin logout --all${flags}`,
  );
}

/** What removing needs. */
interface LogoutContext extends RunContext {
  readonly expiredOnly: boolean;
}

/** Removes logins from a file and the stores behind it, and says so. */
async function logOut(
  file: StoreFile,
  logins: readonly EcrLogin[],
  context: LogoutContext,
): Promise<ExitCode> {
  const { system, terminal, signal, results } = context;
  const stored = logins.filter(({ state }) => state !== "amazon");
  for (const login of logins.filter(({ state }) => state === "amazon")) {
    sayAmazons(login, context);
    results.push(record(login, context));
  }
  if (stored.length === 0) return exitCodes.ok;
  const outcomes = new Map<EcrLogin, Outcome>();
  let failure: UserError | undefined;
  try {
    const report = terminal.detail;
    await using locks = new AsyncDisposableStack();
    const helpers = new Set(stored.flatMap(({ helper }) => helper ?? []));
    // before the file's own lock and in one order, as a login takes them
    for (const helper of [...helpers].sort()) {
      locks.use(await lockStore(helper, dirname(file.path), { system, signal, report }));
    }
    const plan = (config: DockerConfig) => removals(config, stored, outcomes, context);
    await changeLogins(file.path, plan, { signal, report });
  } catch (error) {
    failure = userError(signal.aborted ? signal.reason : error);
    terminal.fail(failure);
  }
  let exitCode: ExitCode = failure?.exitCode ?? exitCodes.ok;
  for (const login of stored) {
    const outcome = failure ?? outcomes.get(login);
    const error = outcome instanceof UserError ? outcome : undefined;
    if (outcome === "renewed") terminal.say(`logged in anew meanwhile: ${nameOf(login, context)}`);
    else if (error === undefined) terminal.say(`logged out of ${nameOf(login, context)}`);
    else if (failure === undefined) terminal.fail(error);
    if (exitCode === exitCodes.ok) exitCode = error?.exitCode ?? exitCodes.ok;
    results.push({ ...record(login, context), ...error && failed(error) });
  }
  signal.throwIfAborted();
  return exitCode;
}

/** What came of a login; `"renewed"`: it had not expired any more. */
type Outcome = "removed" | "renewed" | UserError;

/**
 * The changes of a file that is locked now, after the credential stores behind it have forgotten the
 * logins, which each is asked to only once.
 */
async function removals(
  config: DockerConfig,
  logins: readonly EcrLogin[],
  outcomes: Map<EcrLogin, Outcome>,
  context: LogoutContext,
): Promise<LoginChange[]> {
  const changes: LoginChange[] = [];
  for (const login of logins) {
    if (login.helper === undefined) {
      outcomes.set(login, isRenewed(config, login, context) ? "renewed" : "removed");
    } else if (!outcomes.has(login)) {
      outcomes.set(login, await erase(login, login.helper, context));
    }
    if (outcomes.get(login) !== "removed") continue;
    for (const key of config.auths.keys()) {
      if (registryOfKey(key)?.host !== login.registry.host) continue;
      changes.push({ host: key, action: "remove" });
    }
  }
  return changes;
}

/** Whether another run has logged in since the file was read first. */
function isRenewed(
  config: DockerConfig,
  { keys }: EcrLogin,
  { expiredOnly, system }: LogoutContext,
): boolean {
  if (!expiredOnly) return false;
  const login = keys.map((key) => readLogin(config, key)).find((login) => login);
  if (login === undefined) return false;
  return !hasExpired({ expiresAt: expiryOf(login.password) }, system.now());
}

async function erase(
  { keys, file }: EcrLogin,
  helper: string,
  { system, signal }: RunContext,
): Promise<Outcome> {
  const { openCredentialStore } = await import("./credential_helper.ts");
  const store = openCredentialStore(helper, { system, signal, tool: file.tools[0] ?? file.kind });
  try {
    for (const key of keys) await store.erase(key);
    return "removed";
  } catch (error) {
    signal.throwIfAborted();
    return userError(error);
  }
}

/** An error for users; any other is thrown. */
function userError(error: unknown): UserError {
  if (error instanceof UserError) return error;
  throw error;
}

function failed(error: UserError): Pick<LogoutRecord, "ok" | "error"> {
  return { ok: false, error: errorRecord(error) };
}

function record(login: EcrLogin, { system }: RunContext): LogoutRecord {
  return { ...storedLoginRecord(login, system.now()), ok: true };
}

/** `HOST (docker)`. */
function nameOf(login: EcrLogin, { system }: RunContext): string {
  return `${login.registry.host} (${toolsShown(login, system)})`;
}

function sayAmazons(login: EcrLogin, context: RunContext): void {
  context.terminal.say(
    `nothing to remove for ${nameOf(login, context)}: Amazon's helper serves it and stores nothing`,
  );
}
