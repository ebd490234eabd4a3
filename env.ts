/**
 * `ecrin env`: temporary AWS credentials for a shell, a file or another program.
 *
 * @module
 */

import { openAccess, planAccess, planStep, stsDuration } from "./access.ts";
import { awsVariables, processDocument, withoutAwsVariables } from "./aws_variables.ts";
import { identityOptions, optional, targetOptions } from "./cli.ts";
import type { AwsCredentials } from "./clients.ts";
import type { CommandLine } from "./command_line.ts";
import { exitCodes, usageError } from "./errors.ts";
import { exportToSteps, maskInLog, secretsOf } from "./github_actions.ts";
import type { CommandResult, RunCommand, RunContext } from "./run.ts";
import {
  canUnset,
  changeLines,
  type Format,
  parseFormat,
  shellFormat,
  usageOf,
} from "./shell_syntax.ts";
import type { System } from "./system.ts";

/** Prints the credentials of the identity, or with `--unset` what takes them back. */
export const run: RunCommand = async (line, context) => {
  const format = formatOf(line, context.system);
  if (line.values.has("unset")) return printUnset(format, context);
  const { credentials, region } = await credentialsFor(line, context);
  return await printCredentials(credentials, { region, format }, context);
};

/** `--format`, else `--json`, else that of the shell that a person types in. */
function formatOf(line: CommandLine, system: System): Format {
  const asked = optional(line, "format", parseFormat);
  const isJson = line.values.has("json");
  if (isJson && asked !== undefined && asked !== "json") {
    throw usageError("two-formats", `--json and --format ${asked} say different things`, "use one");
  }
  if (isJson) return "json";
  const atTerminal = system.stderrIsTerminal || system.stdoutIsTerminal;
  return asked ?? (atTerminal ? shellFormat(system.env.SHELL) : "sh");
}

function printUnset(format: Format, { system }: RunContext): CommandResult {
  const text = changeLines(format, withoutAwsVariables);
  if (text === undefined || !canUnset(format)) {
    throw usageError(
      "no-unset",
      `the format ${format} has no way to unset a variable`,
      "use --format sh, fish or powershell",
    );
  }
  system.stdout(text);
  return { exitCode: exitCodes.ok };
}

/** The credentials of whom the command line says, and the region for them. */
async function credentialsFor(
  line: CommandLine,
  context: RunContext,
): Promise<{ credentials: AwsCredentials; region: string | undefined }> {
  const options = identityOptions(line);
  const { accounts, regions, warnings } = targetOptions(line);
  if (accounts.length > 1 || regions.length > 1) {
    throw usageError(
      "one-identity",
      "a shell has one identity and one region",
      "give one --account and one --region",
    );
  }
  for (const warning of warnings) context.terminal.warn(warning);
  const plan = await planAccess(options, context);
  const region = regions[0] ?? plan.settings.region;
  const step = planStep(plan, options, { account: accounts[0], region }, {
    defaultDuration: stsDuration,
  });
  const access = openAccess(plan, options, context);
  const { credentials } = await context.terminal.during(
    "getting credentials",
    access.identityFor(step, region),
  );
  return { credentials, region };
}

async function printCredentials(
  credentials: AwsCredentials,
  { region, format }: { region: string | undefined; format: Format },
  { system, terminal }: RunContext,
): Promise<CommandResult> {
  const changes = awsVariables(credentials, region);
  maskInLog(secretsOf(credentials), system);
  const lines = changeLines(format, changes);
  if (lines !== undefined) {
    const usage = usageOf(format, "ecrin env …");
    if (system.stdoutIsTerminal) terminal.warn(`these are secrets; to use them: ${usage}`);
    system.stdout(lines);
  } else if (format === "github") {
    await exportToSteps(changes.set, system);
    // an empty AWS_PROFILE is not an unset one: programs look for a profile without a name
    for (const name of changes.unset.filter((name) => system.env[name])) {
      terminal.warn(`${name} is set in this job, and nothing can unset it for the next steps`);
    }
    terminal.say("set the AWS variables for the next steps");
  } else {
    const json = format === "process" ? processDocument(credentials) : changes.set;
    system.stdout(`${JSON.stringify(json)}\n`);
  }
  return { exitCode: exitCodes.ok };
}
