/**
 * `ecrin password`: a registry's password alone, for pipes.
 *
 * @module
 */

import { openAccess, planAccess, planStep } from "./access.ts";
import { identityOptions, targetOptions } from "./cli.ts";
import { exitCodes, usageError } from "./errors.ts";
import { maskInLog, passwordForms } from "./github_actions.ts";
import type { RunCommand } from "./run.ts";
import { planTargets } from "./targets.ts";

/** Prints the password and a line break, like `aws ecr get-login-password`. */
export const run: RunCommand = async (line, context) => {
  const { system, terminal } = context;
  const options = identityOptions(line);
  const targets = targetOptions(line);
  for (const warning of targets.warnings) terminal.warn(warning);
  const plan = await planAccess(options, context);
  const [target, ...others] = planTargets(targets, plan.settings.region);
  if (target === undefined || others.length > 0) {
    throw usageError(
      "one-registry",
      `${others.length + 1} registries are named: a password is printed for one`,
      "run ecrin password for each; one of an identity serves all its registries in a region",
    );
  }
  const step = planStep(plan, options, target);
  const access = openAccess(plan, options, context);
  const { password, expiresAt, at } = await terminal.during(
    "getting the password",
    access.tokenFor(step, target),
  );
  maskInLog(passwordForms({ password }), system);
  if (!line.values.has("json")) {
    system.stdout(`${password.reveal()}\n`);
    return { exitCode: exitCodes.ok };
  }
  return {
    exitCode: exitCodes.ok,
    json: {
      username: "AWS",
      password: password.reveal(),
      registry: at.host,
      expiresAt: expiresAt?.toISOString() ?? null,
    },
  };
};
