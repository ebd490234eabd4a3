/**
 * `ecrin login`: options → targets → identity → token → login → report.
 *
 * @module
 */

import { amazonHelperNote } from "./amazon_helper.ts";
import { loginOptions } from "./cli.ts";
import { exitCodes } from "./errors.ts";
import { isHelpers, type LoginPlan, planLogins } from "./login_plan.ts";
import type { RunCommand, RunContext } from "./run.ts";
import { until } from "./terminal.ts";

/**
 * Logs every tool in to every registry, all at once. A login that fails does not keep the others from
 * being tried; the exit code is that of the first, in the order in which they were asked for, that
 * failed.
 *
 * @throws {UserError} for what is wrong before the first request
 */
export const run: RunCommand = async (line, context) => {
  const options = loginOptions(line);
  for (const warning of options.warnings) context.terminal.warn(warning);
  const plan = await planLogins(options, context);
  if (options.dryRun) return dryRun(plan, context);
  const { logInAll } = await import("./logins.ts");
  return { exitCode: await logInAll(plan, options, context) };
};

function dryRun(
  { logins, unaskedStores }: LoginPlan,
  { terminal, results, system }: RunContext,
): Awaited<ReturnType<RunCommand>> {
  for (const login of logins) {
    const { record, storedUntil } = login;
    const { registry, region, tool, identity } = record;
    const name = registry ?? `the caller's own registry in ${region}`;
    if (isHelpers(login)) {
      const note = amazonHelperNote(name, tool);
      terminal.say(note);
      results.push({ ...record, note });
    } else if (storedUntil === undefined) {
      terminal.say(`would log in to ${name} (${tool}, as ${identity})`);
      results.push(record);
    } else {
      const end = until(storedUntil, system.now());
      terminal.say(`would leave ${name} alone, which is logged in already (${tool}, ${end})`);
      results.push({ ...record, expiresAt: storedUntil.toISOString(), skipped: true });
    }
  }
  for (const store of unaskedStores) {
    terminal.say(
      `a dry run does not ask the credential store ${store}: what lasts there would be left alone`,
    );
  }
  return { exitCode: exitCodes.ok, json: { dryRun: true } };
}
