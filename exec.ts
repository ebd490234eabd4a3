/**
 * `ecrin exec -- COMMAND`: runs COMMAND with AWS credentials and registry logins, which are gone
 * afterwards.
 *
 * @module
 */

import { openAccess, type Place, planAccess, planStep, type Step, stsDuration } from "./access.ts";
import { awsVariables } from "./aws_variables.ts";
import { identityOptions, targetOptions } from "./cli.ts";
import type { CommandLine } from "./command_line.ts";
import type { StoredLogin } from "./docker_config.ts";
import { shellWord, usageError, UserError } from "./errors.ts";
import { findCommand, runInForeground } from "./foreground.ts";
import { maskInLog, passwordForms, secretsOf } from "./github_actions.ts";
import { isolatedFolder } from "./isolated_folder.ts";
import { loginEnvironment } from "./login_environment.ts";
import type { RunCommand, RunContext } from "./run.ts";
import { planTargets } from "./targets.ts";

/** What the command gets. */
interface Equipment {
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly logins: readonly StoredLogin[];
}

/** Runs the command; its exit code is the run's. */
export const run: RunCommand = async (line, context) => {
  const { system, terminal, signal, liftTimeLimit, forwardSignals } = context;
  const [name = "", ...args] = commandOf(line);
  const program = findCommand(name, system);
  const { variables, logins } = await terminal.during(
    "getting credentials",
    prepare(line, context),
  );
  await using files = new AsyncDisposableStack();
  const env = {
    ...system.env,
    ...variables,
    ...await loginVariables(logins, { program, files }, context),
  };
  signal.throwIfAborted();
  liftTimeLimit();
  return { exitCode: await runInForeground([program, ...args], { env, forwardSignals }) };
};

function commandOf({ words, rest }: CommandLine): readonly string[] {
  if (rest !== undefined && rest.length > 0) return rest;
  throw usageError(
    "command-needed",
    rest === undefined ? "the command to run comes after --" : "there is no command after --",
    `run: ecrin exec -- ${words.length > 0 ? words.map(shellWord).join(" ") : "COMMAND"}`,
  );
}

async function prepare(line: CommandLine, context: RunContext): Promise<Equipment> {
  const { terminal } = context;
  const options = identityOptions(line);
  const named = targetOptions(line);
  for (const warning of named.warnings) terminal.warn(warning);
  const plan = await planAccess(options, context);
  const region = named.regions[0] ?? plan.settings.region;
  // --account says where a role is as well, and the command may want no registry at all
  const isNamed = named.registries.length > 0 || named.public;
  const targets = isNamed || region !== undefined ? planTargets(named, region) : [];
  const stepFor = (place: Place): Step =>
    planStep(plan, options, place, { defaultDuration: stsDuration });
  const steps = targets.map((target) => ({ target, step: stepFor(target) }));
  const mine = steps[0]?.step ?? stepFor({ account: named.accounts[0], region });
  const access = openAccess(plan, options, context);
  const { credentials } = await access.identityFor(mine, region);
  const logins = await Promise.all(steps.map(async ({ target, step }) => {
    try {
      const { password, at: { host } } = await access.tokenFor(step, target);
      terminal.detail(`the command is logged in to ${host}`);
      return [{ host, username: "AWS", password }];
    } catch (error) {
      if (isNamed || !(error instanceof UserError)) throw error;
      context.signal.throwIfAborted();
      const name = target.registry?.host ?? "your own registry";
      terminal.warn(`the command gets no login to ${name}: ${error.message}`);
      return [];
    }
  }));
  const { set, unset } = awsVariables(credentials, region);
  maskInLog([...secretsOf(credentials), ...logins.flat().flatMap(passwordForms)], context.system);
  const unsetting = Object.fromEntries(unset.map((name) => [name, undefined]));
  return { variables: { ...unsetting, ...set }, logins: logins.flat() };
}

/** Writes the files of the logins into a folder, which `files` removes. */
async function loginVariables(
  logins: readonly StoredLogin[],
  { program, files }: { readonly program: string; readonly files: AsyncDisposableStack },
  { system, signal }: RunContext,
): Promise<Record<string, string>> {
  if (logins.length === 0) return {};
  try {
    const folder = files.use(await isolatedFolder({ fallback: system.env.HOME ?? "." }));
    return await loginEnvironment(logins, { system, signal, program, folder: folder.path });
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause) || cause instanceof UserError) throw cause;
    throw usageError(
      "no-temporary-folder",
      `cannot write the logins to a temporary folder: ${cause.message}`,
      "set TMPDIR to a folder that can be written",
      cause,
    );
  }
}
