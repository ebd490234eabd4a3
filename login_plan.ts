/**
 * What a run of `ecrin login` is going to do, decided before the first request.
 *
 * @module
 */

import { type AccessPlan, planAccess, planStep, type Step } from "./access.ts";
import type { LoginOptions } from "./cli.ts";
import { amazonHelperOf } from "./amazon_helper.ts";
import { checkLoginFiles, requireTool } from "./installed_tools.ts";
import { instanceRegion } from "./instance.ts";
import type { ErrorRecord, RunContext } from "./run.ts";
import { planTargets, type Target } from "./targets.ts";
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
  /** Present when `--if-expiring` left it alone. */
  readonly skipped?: true;
  /** Present when nothing needs logging in: why. */
  readonly note?: string;
  readonly error?: ErrorRecord;
}

/** A target, and as whom to log in there. */
export interface LoginStep extends Step {
  readonly target: Target;
}

/** A registry in a tool. */
export interface PlannedLogin {
  readonly step: LoginStep;
  readonly tool: ToolName;
  readonly record: LoginRecord;
  /** The end of the login that is there and is to be left alone. */
  readonly storedUntil: Date | undefined;
  /** Whether Amazon's credential helper serves a registry in the tool. */
  readonly isServed: (host: string) => boolean;
}

/** Everything that is decided before the first request. */
export interface LoginPlan {
  readonly access: AccessPlan;
  /** In the order in which they were asked for. */
  readonly logins: readonly PlannedLogin[];
  /** NAMEs of credential stores that were not asked what lasts, as the run is dry. */
  readonly unaskedStores: readonly string[];
}

/**
 * Plans a run. Nothing is asked of AWS, but the instance for its region where nothing else says it.
 *
 * @throws {UserError} for what is wrong before the first request
 */
export async function planLogins(options: LoginOptions, context: RunContext): Promise<LoginPlan> {
  const { system } = context;
  const tools = chooseTools(options.tools, system);
  const served = new Map<ToolName, (host: string) => boolean>();
  for (const tool of tools) {
    if (tool !== "file") requireTool(tool, system);
    await checkLoginFiles(tool, system);
    served.set(tool, await amazonHelperOf(tool, system));
  }
  const access = await planAccess(options, context);
  const region = access.settings.region ?? await regionOfInstance(access, options, context);
  const stored = await storedExpiries(options, context);
  const logins: PlannedLogin[] = [];
  for (const target of planTargets(options, region)) {
    const step = { ...planStep(access, options, target), target };
    for (const tool of tools) {
      const record = recordOf(step, tool);
      const isServed = served.get(tool) ?? (() => false);
      logins.push({ step, tool, record, storedUntil: await stored.until(record), isServed });
    }
  }
  return {
    access: { ...access, settings: { ...access.settings, region } },
    logins,
    unaskedStores: [...stored.unasked],
  };
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

function recordOf({ target, identity }: LoginStep, tool: ToolName): LoginRecord {
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

/**
 * Tells until when a stored login lasts, if that is longer than `--if-expiring` says. Nobody knows it
 * of the caller's own registry, which only AWS can name.
 */
async function storedExpiries(
  { ifExpiring, dryRun }: LoginOptions,
  { system, signal }: RunContext,
): Promise<{
  readonly until: (login: LoginRecord) => Promise<Date | undefined>;
  readonly unasked: ReadonlySet<string>;
}> {
  if (ifExpiring === undefined) {
    return { until: () => Promise.resolve(undefined), unasked: new Set() };
  }
  const { openStoredExpiries } = await import("./stored_logins.ts");
  const stored = openStoredExpiries({ system, signal, startPrograms: !dryRun });
  return {
    until: async ({ registry, tool }) =>
      registry === null ? undefined : await stored.lasting(tool, registry, ifExpiring),
    unasked: stored.unasked,
  };
}

/** Whether it is known before the first request that Amazon's helper serves the registry. */
export function isHelpers({ record: { registry }, isServed }: PlannedLogin): boolean {
  return registry !== null && isServed(registry);
}

/** What a person calls the registry of a login. */
export function nameOf({ record: { registry } }: PlannedLogin): string {
  return registry ?? "your registry";
}
