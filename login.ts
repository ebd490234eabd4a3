/**
 * `ecrin login`: Options → targets → identity → token → login → report.
 *
 * @module
 */

import {
  type Access,
  type AccessPlan,
  openAccess,
  planAccess,
  planStep,
  type Step,
} from "./access.ts";
import { type LoginOptions, loginOptions } from "./cli.ts";
import { loadDax } from "./deps.ts";
import { checkLoginFiles, loginWithProgram, requireTool } from "./docker.ts";
import { type ExitCode, exitCodes, UserError } from "./errors.ts";
import { instanceRegion } from "./instance.ts";
import { type ErrorRecord, errorRecord, type RunCommand, type RunContext } from "./run.ts";
import { loginHost, planTargets, type Target } from "./targets.ts";
import { until } from "./terminal.ts";
import { chooseTools, type ToolName } from "./tools.ts";

/** One login of the run: a registry in a tool, as `--json` prints it. */
export interface LoginRecord {
  /** Host; `null` while only AWS knows which registry is the caller's own. */
  readonly registry: string | null;
  readonly account: string | null;
  readonly region: string;
  readonly public: boolean;
  readonly tool: ToolName;
  /** ARN of the last role, or the source in words. */
  readonly identity: string;
  /** ISO 8601. */
  readonly expiresAt: string | null;
  readonly ok: boolean;
  readonly error?: ErrorRecord;
}

/** A target, and as whom to log in there. */
interface LoginStep extends Step {
  readonly target: Target;
}

/** Everything that is decided before the first request. */
interface Plan {
  readonly access: AccessPlan;
  readonly steps: readonly LoginStep[];
  readonly tools: readonly ToolName[];
}

/**
 * Logs every tool in to every registry, one after the other. A login that fails does not keep the
 * others from being tried; the exit code is that of the first that failed.
 *
 * @throws {UserError} for what is wrong before the first request
 */
export const run: RunCommand = async (line, context) => {
  const options = loginOptions(line);
  for (const warning of options.warnings) context.terminal.warn(warning);
  const plan = await makePlan(options, context);
  if (options.dryRun) return dryRun(plan, context);
  return { exitCode: await carryOut(plan, options, context) };
};

async function makePlan(options: LoginOptions, context: RunContext): Promise<Plan> {
  const { system } = context;
  const search = { ...system, windows: system.os === "windows" };
  const tools = chooseTools(options.tools, search);
  for (const tool of tools) {
    if (tool !== "file") requireTool(tool, system);
    await checkLoginFiles(tool, system);
  }
  const access = await planAccess(options, context);
  const region = access.settings.region ?? await regionOfInstance(access, options, context);
  const steps = planTargets(options, region).map((target): LoginStep => ({
    ...planStep(access, options, target),
    target,
  }));
  return { access: { ...access, settings: { ...access.settings, region } }, steps, tools };
}

/** The region from the instance's metadata, when that is the identity and nothing else says. */
async function regionOfInstance(
  { identity }: AccessPlan,
  options: LoginOptions,
  { system }: RunContext,
): Promise<string | undefined> {
  const needed = options.regions.length === 0 &&
    (options.accounts.length > 0 || (options.registries.length === 0 && !options.public));
  if (!needed || options.dryRun || identity.source.kind !== "instance") return undefined;
  return await instanceRegion(system);
}

function dryRun(
  { steps, tools }: Plan,
  { terminal, results }: RunContext,
): Awaited<ReturnType<RunCommand>> {
  const logins = steps.flatMap((step) => tools.map((tool) => record(step, tool)));
  for (const { registry, region, tool, identity } of logins) {
    const name = registry ?? `the caller's own registry in ${region}`;
    terminal.say(`would log in to ${name} (${tool}, as ${identity})`);
  }
  results.push(...logins);
  return { exitCode: exitCodes.ok, json: { dryRun: true } };
}

/** A login as planned. */
function record({ target, identity }: LoginStep, tool: ToolName): LoginRecord {
  return {
    registry: target.registry?.host ?? null,
    account: target.registry?.account ?? null,
    region: target.region,
    public: target.public,
    tool,
    identity,
    expiresAt: null,
    ok: true,
  };
}

async function carryOut(
  plan: Plan,
  options: LoginOptions,
  context: RunContext,
): Promise<ExitCode> {
  const { system, terminal, signal, results } = context;
  const access = openAccess(plan.access, options, context);
  // dax loads while AWS is at work, not before it is asked
  if (plan.tools.some((tool) => tool !== "file")) {
    access.http.firstRequest.then(loadDax).catch(() => {});
  }
  let exitCode: ExitCode = exitCodes.ok;
  const said = new Set<unknown>();
  for (const step of plan.steps) {
    for (const tool of plan.tools) {
      const planned = record(step, tool);
      const name = planned.registry ?? "your registry";
      const work = logIn(step, tool, { ...context, plan, access });
      try {
        const done = { ...planned, ...await terminal.during(`logging in to ${name}`, work) };
        const end = done.expiresAt === null
          ? ""
          : `, ${until(new Date(done.expiresAt), system.now())}`;
        terminal.say(`logged in to ${done.registry} (${tool}${end})`);
        results.push(done);
      } catch (thrown) {
        const error = signal.aborted ? signal.reason : thrown;
        if (!(error instanceof UserError)) throw error;
        // logins share identities and tokens, and so their errors: each is said in full once
        if (!said.has(error)) terminal.fail(error);
        else if (!signal.aborted) terminal.fail(sameReason(name, tool, error));
        said.add(error);
        if (exitCode === exitCodes.ok) exitCode = error.exitCode;
        results.push({ ...planned, ok: false, error: errorRecord(error) });
      }
    }
  }
  return exitCode;
}

function sameReason(name: string, tool: ToolName, { code, exitCode }: UserError): UserError {
  return new UserError(`not logged in to ${name} (${tool}) for the same reason`, {
    code,
    exitCode,
  });
}

async function logIn(
  step: LoginStep,
  tool: ToolName,
  { plan, access, signal, system, terminal }: RunContext & {
    readonly plan: Plan;
    readonly access: Access;
  },
): Promise<Pick<LoginRecord, "registry" | "account" | "expiresAt">> {
  signal.throwIfAborted();
  const { target } = step;
  const { password, expiresAt, proxyEndpoint } = await access.tokenFor(step, target);
  const overridden = plan.access.settings.endpointOverride("ecr") !== undefined;
  const at = loginHost(target, proxyEndpoint, overridden);
  const report = terminal.detail;
  if (tool === "file") {
    const { loginWithFile } = await import("./file_login.ts");
    await loginWithFile({ at, password, signal, http: access.http, report }, system);
  } else {
    const program = requireTool(tool, system);
    await loginWithProgram(program, { host: at.host, password, signal, report }, system);
  }
  return {
    registry: at.host,
    account: at.account ?? target.registry?.account ?? null,
    expiresAt: expiresAt?.toISOString() ?? null,
  };
}
