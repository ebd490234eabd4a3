/**
 * `ecrin login`: Options → targets → identity → token → login → report.
 *
 * @module
 */

import { type AwsConfig, loadAwsConfig } from "./aws_config.ts";
import { type AuthorizationToken, privateToken, publicToken } from "./aws.ts";
import type { LoginOptions } from "./cli.ts";
import { type AwsCredentials, type ClientSettings, clientSettings } from "./clients.ts";
import { type IdentityPlan, planIdentity } from "./credentials.ts";
import { loadDax } from "./deps.ts";
import { checkLoginFiles, loginWithProgram, requireTool, secretVariables } from "./docker.ts";
import { type ExitCode, exitCodes, usageError, UserError } from "./errors.ts";
import { type Http, openHttp } from "./http.ts";
import { instanceRegion } from "./instance.ts";
import { once } from "./once.ts";
import { partitionOf } from "./partition.ts";
import { roleArn, sessionName } from "./role.ts";
import type { Source } from "./profiles.ts";
import { openRoleCache } from "./role_cache.ts";
import { checkHops, type Identity, resolveIdentity, type RoleHop } from "./role_hops.ts";
import { conceal, scrub } from "./secret.ts";
import { type AwsSettings, awsSettings } from "./settings.ts";
import { describeSource } from "./sources.ts";
import type { System } from "./system.ts";
import { loginHost, planTargets, type Target } from "./targets.ts";
import { type Terminal, until } from "./terminal.ts";
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
  readonly error?: {
    readonly code: string;
    readonly message: string;
    readonly hint: string | null;
  };
}

/** What a run of `login` came to. */
export interface LoginResult {
  readonly logins: readonly LoginRecord[];
  /** Of the first login that failed. */
  readonly exitCode: ExitCode;
}

/** What a run works with. */
export interface LoginContext {
  readonly system: System;
  readonly terminal: Terminal;
  /** Ends the run; its reason is the error to report. */
  readonly signal: AbortSignal;
  readonly version: string;
}

/** A target with the roles to assume for it. */
interface Step {
  readonly target: Target;
  readonly hops: readonly RoleHop[];
  /** As {@linkcode LoginRecord.identity}. */
  readonly identity: string;
}

/** Everything that is decided before the first request. */
interface Plan {
  readonly config: AwsConfig;
  readonly identity: IdentityPlan;
  readonly settings: AwsSettings;
  readonly steps: readonly Step[];
  readonly tools: readonly ToolName[];
}

/**
 * Logs every tool in to every registry, one after the other. A login that fails does not keep the
 * others from being tried.
 *
 * @throws {UserError} for what is wrong before the first request
 */
export async function login(options: LoginOptions, context: LoginContext): Promise<LoginResult> {
  const { terminal } = context;
  // also those that are not used: a program of the user's may print them
  for (const name of secretVariables) conceal(context.system.env[name] ?? "");
  for (const warning of options.warnings) terminal.warn(warning);
  const plan = await makePlan(options, context);
  if (options.dryRun) return dryRun(plan, context);
  return await carryOut(plan, options, context);
}

async function makePlan(options: LoginOptions, context: LoginContext): Promise<Plan> {
  const { system, terminal } = context;
  const search = { ...system, windows: system.os === "windows" };
  const tools = chooseTools(options.tools, search);
  for (const tool of tools) {
    if (tool !== "file") requireTool(tool, system);
    await checkLoginFiles(tool, system);
  }
  const config = await loadAwsConfig(system.env, system.readTextFile);
  const identity = planIdentity(config, system.env, options);
  for (const ignored of identity.ignored) terminal.detail(`ignored ${ignored}`);
  const settings = await withInstanceRegion(
    awsSettings(system.env, config, identity.settingsProfile),
    { options, identity, system },
  );
  const steps = planTargets(options, settings.region).map((target): Step => {
    const hops = [...identity.hops, ...roleHops(options, target, identity.source)];
    checkHops(identity.source, hops);
    return { target, hops, identity: hops.at(-1)?.roleArn ?? describeSource(identity.source).name };
  });
  return { config, identity, settings, steps, tools };
}

/** The region from the instance's metadata, when that is the identity and nothing else says. */
async function withInstanceRegion(
  settings: AwsSettings,
  { options, identity, system }: { options: LoginOptions; identity: IdentityPlan; system: System },
): Promise<AwsSettings> {
  const needed = settings.region === undefined && options.regions.length === 0 &&
    (options.accounts.length > 0 || (options.registries.length === 0 && !options.public));
  if (!needed || options.dryRun || identity.source.kind !== "instance") return settings;
  return { ...settings, region: await instanceRegion(system) };
}

/** Life of a role's credentials, in seconds: they only fetch a token, so the least STS gives. */
const defaultRoleDuration = 900;

/** The hops of `--role`: names are of the target's account, in the partition of its region. */
function roleHops(options: LoginOptions, target: Target, source: Source): RoleHop[] {
  // a web identity cannot say it
  const sayingWho = source.kind === "web-token" && options.roles.length > 1 ? 1 : 0;
  return options.roles.map((role, index): RoleHop => {
    if (role.account === undefined && target.account === undefined) {
      throw usageError(
        "account-needed",
        `the role ${role.name} is given by its name, and no account says where it is`,
        "add: --account ID, or give the role's ARN",
      );
    }
    const last = index === options.roles.length - 1;
    const mfaSerial = index === 0 ? options.mfa.serial : undefined;
    return {
      profile: undefined,
      roleArn: roleArn(role, target.account ?? "", partitionOf(target.region).name),
      sessionName: options.sessionName,
      // nobody types a code for 15 minutes: STS's hour, which is worth caching
      durationSeconds: options.duration ??
        (mfaSerial === undefined ? defaultRoleDuration : undefined),
      mfaSerial,
      // it lasts through a chain, and cannot be set again
      sourceIdentity: index === sayingWho ? options.sourceIdentity : undefined,
      externalId: last ? options.externalId : undefined,
      tags: last && options.tags.length > 0 ? options.tags : undefined,
    };
  });
}

function dryRun({ steps, tools }: Plan, { terminal }: LoginContext): LoginResult {
  const logins = steps.flatMap((step) => tools.map((tool) => record(step, tool)));
  for (const { registry, region, tool, identity } of logins) {
    const name = registry ?? `the caller's own registry in ${region}`;
    terminal.say(`would log in to ${name} (${tool}, as ${identity})`);
  }
  return { logins, exitCode: exitCodes.ok };
}

/** A login as planned. */
function record({ target, identity }: Step, tool: ToolName): LoginRecord {
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

/** What the logins of a run share. */
interface Run extends LoginContext {
  readonly plan: Plan;
  readonly options: LoginOptions;
  readonly http: Http;
  readonly clients: ClientSettings;
  /** By what they depend on, so that each is got once. */
  readonly identities: Map<string, Promise<Identity>>;
  readonly mfaSessions: Map<string, Promise<AwsCredentials>>;
  readonly tokens: Map<string, Promise<AuthorizationToken>>;
}

async function carryOut(
  plan: Plan,
  options: LoginOptions,
  context: LoginContext,
): Promise<LoginResult> {
  const { system, terminal, signal, version } = context;
  const { caBundle } = plan.settings;
  const http = openHttp({ caBundle, signal, readTextFile: system.readTextFile });
  const run: Run = {
    ...context,
    plan,
    options,
    http,
    clients: clientSettings(plan.settings, http, {
      version,
      maxAttempts: system.env.AWS_MAX_ATTEMPTS,
    }),
    identities: new Map(),
    mfaSessions: new Map(),
    tokens: new Map(),
  };
  // dax loads while AWS is at work, not before it is asked
  if (plan.tools.some((tool) => tool !== "file")) http.firstRequest.then(loadDax).catch(() => {});
  const logins: LoginRecord[] = [];
  let exitCode: ExitCode = exitCodes.ok;
  const said = new Set<unknown>();
  for (const step of plan.steps) {
    for (const tool of plan.tools) {
      const planned = record(step, tool);
      const name = planned.registry ?? "your registry";
      const work = logIn(step, tool, run);
      try {
        const done = { ...planned, ...await terminal.during(`logging in to ${name}`, work) };
        const end = done.expiresAt === null
          ? ""
          : `, ${until(new Date(done.expiresAt), system.now())}`;
        terminal.say(`logged in to ${done.registry} (${tool}${end})`);
        logins.push(done);
      } catch (thrown) {
        const error = signal.aborted ? signal.reason : thrown;
        if (!(error instanceof UserError)) throw error;
        // logins share identities and tokens, and so their errors: each is said in full once
        if (!said.has(error)) terminal.fail(error);
        else if (!signal.aborted) terminal.fail(sameReason(name, tool, error));
        said.add(error);
        if (exitCode === exitCodes.ok) exitCode = error.exitCode;
        logins.push({ ...planned, ok: false, error: errorRecord(error) });
      }
    }
  }
  return { logins, exitCode };
}

function sameReason(name: string, tool: ToolName, { code, exitCode }: UserError): UserError {
  return new UserError(`not logged in to ${name} (${tool}) for the same reason`, {
    code,
    exitCode,
  });
}

async function logIn(
  step: Step,
  tool: ToolName,
  run: Run,
): Promise<Pick<LoginRecord, "registry" | "account" | "expiresAt">> {
  const { plan, http, signal, system, terminal } = run;
  signal.throwIfAborted();
  const { password, expiresAt, proxyEndpoint } = await tokenFor(step, run);
  const overridden = plan.settings.endpointOverride("ecr") !== undefined;
  const at = loginHost(step.target, proxyEndpoint, overridden);
  const report = terminal.detail;
  if (tool === "file") {
    const { loginWithFile } = await import("./file_login.ts");
    await loginWithFile({ at, password, signal, http, report }, system);
  } else {
    const program = requireTool(tool, system);
    await loginWithProgram(program, { host: at.host, password, signal, report }, system);
  }
  return {
    registry: at.host,
    account: at.account ?? step.target.registry?.account ?? null,
    expiresAt: expiresAt?.toISOString() ?? null,
  };
}

function tokenFor(step: Step, run: Run): Promise<AuthorizationToken> {
  const { target } = step;
  const key = JSON.stringify([target.public, target.region, target.variant, step.hops]);
  return once(run.tokens, key, async () => {
    const identity = await identityFor(step, run);
    const token = target.public
      ? await publicToken(identity, run.clients, target)
      : await privateToken(identity, run.clients, target);
    const end = token.expiresAt?.toISOString() ?? "an unknown time";
    run.terminal.detail(
      `got an authorization token of ${target.public ? "ECR Public" : target.region}, until ${end}`,
    );
    return token;
  });
}

function identityFor({ target, hops }: Step, run: Run): Promise<Identity> {
  const { plan, options, system, clients, signal, terminal } = run;
  const { config, settings } = plan;
  const report = terminal.detail;
  return resolveIdentity(plan.identity.source, hops, {
    identities: run.identities,
    mfaSessions: run.mfaSessions,
    mfa: { ...options.mfa, input: options.input, system, signal, asking: terminal.asking },
    cache: options.cache ? openRoleCache({ config, system, settings, signal, report }) : undefined,
    fetch: run.http.fetch,
    system,
    clients,
    signal,
    settings,
    region: target.public ? undefined : target.region,
    defaultSessionName: sessionName(system.env),
    report,
  });
}

/** The form of an error in `--json`. */
export function errorRecord(error: UserError): NonNullable<LoginRecord["error"]> {
  return {
    code: error.code,
    message: scrub(error.message),
    hint: error.hint === undefined ? null : scrub(error.hint),
  };
}
