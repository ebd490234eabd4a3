/**
 * The logins of a run, all at once: each succeeds or fails on its own.
 *
 * @module
 */

import { type Access, openAccess } from "./access.ts";
import type { LoginOptions } from "./cli.ts";
import { loadDax } from "./deps.ts";
import { type ExitCode, UserError } from "./errors.ts";
import { requireTool } from "./installed_tools.ts";
import { isHelpers, type LoginPlan, nameOf, type PlannedLogin } from "./login_plan.ts";
import { LoginReport } from "./login_report.ts";
import { openPool } from "./pool.ts";
import type { RunContext } from "./run.ts";

/**
 * How many programs run at once. They wait for the registry most of the time, and take some 30 MB
 * each.
 */
const mostPrograms = 20;

type FileLogins = ReturnType<typeof import("./file_login.ts").openFileLogins>;

/** What a login came to. */
interface LoginResult {
  readonly registry: string;
  readonly account: string | null;
  /** ISO 8601. */
  readonly expiresAt: string | null;
  /** Whether Amazon's credential helper serves the registry, as came out with its name. */
  readonly needless: boolean;
}

/**
 * Logs in as planned.
 *
 * @returns the exit code: that of the first, as planned, that failed
 */
export async function logInAll(
  plan: LoginPlan,
  options: LoginOptions,
  context: RunContext,
): Promise<ExitCode> {
  const { signal, terminal } = context;
  const report = new LoginReport(plan.logins, context);
  const waiting = plan.logins.filter((login) =>
    login.storedUntil === undefined && !isHelpers(login)
  );
  for (const login of plan.logins) {
    if (isHelpers(login)) report.needless(login, nameOf(login));
    else if (login.storedUntil !== undefined) report.skipped(login, login.storedUntil);
  }
  if (waiting.length === 0) return report.end();
  const access = openAccess(plan.access, options, context);
  report.pending = access.http.retries.pending;
  // what runs programs loads while AWS is at work, not before it is asked
  if (waiting.some(({ tool }) => tool !== "file")) {
    access.http.firstRequest.then(() => Promise.all([loadDax(), import("./program_login.ts")]))
      .catch(() => {});
  }
  const logIn = loginWith(access, context);
  const one = async (login: PlannedLogin): Promise<void> => {
    try {
      const result = await logIn(login);
      if (!result.needless) report.done(login, result);
      else report.needless(login, result.registry, result.account);
    } catch (error) {
      const reason = signal.aborted ? signal.reason : error;
      if (!(reason instanceof UserError)) throw reason;
      report.failed(login, reason);
    }
  };
  const [first] = waiting;
  const progress = waiting.length === 1 && first !== undefined
    ? `logging in to ${nameOf(first)}`
    : () => `logging in: ${report.finished} of ${plan.logins.length}`;
  const work = async (): Promise<void> => {
    await Promise.all(waiting.map(one));
    if (signal.aborted) return;
    const { settleLogins } = await import("./kept_logins.ts");
    await settleLogins({ report: terminal.detail, signal });
  };
  await terminal.during(progress, work());
  return report.end();
}

/** How a run logs in. */
function loginWith(
  access: Access,
  { signal, system, terminal }: RunContext,
): (login: PlannedLogin) => Promise<LoginResult> {
  const report = terminal.detail;
  const programs = { pool: openPool(mostPrograms), retries: access.http.retries, system };
  let fileLogin: Promise<FileLogins> | undefined;
  return async ({ step, tool, isServed }) => {
    signal.throwIfAborted();
    const { target } = step;
    const { password, expiresAt, at } = await access.tokenFor(step, target);
    const needless = isServed(at.host);
    if (tool === "file" && !needless) {
      fileLogin ??= import("./file_login.ts").then(({ openFileLogins }) =>
        openFileLogins({ signal, http: access.http, report }, system)
      );
      await (await fileLogin)(at, password);
    } else if (tool !== "file" && !needless) {
      const { loginInTurn } = await import("./program_login.ts");
      const login = { host: at.host, password, signal, report };
      await loginInTurn(requireTool(tool, system), login, programs);
    }
    return {
      registry: at.host,
      account: at.account ?? target.registry?.account ?? null,
      expiresAt: needless ? null : expiresAt?.toISOString() ?? null,
      needless,
    };
  };
}
