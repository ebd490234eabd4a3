/**
 * `ecrin whoami`: which identity a login would use, how it comes about, and what AWS calls it.
 *
 * @module
 */

import { openAccess, planAccess, planStep } from "./access.ts";
import { awsError } from "./aws_errors.ts";
import { identityOptions, targetOptions } from "./cli.ts";
import { stsRegion } from "./clients.ts";
import type { CommandLine } from "./command_line.ts";
import { exitCodes, usageError } from "./errors.ts";
import { instanceRegion } from "./instance.ts";
import type { RunCommand, RunContext } from "./run.ts";
import type { RoleStep, SourceStep, Story } from "./story.ts";
import { type CallerIdentity, openSts } from "./sts.ts";
import { until } from "./terminal.ts";

/** What {@linkcode run} tells. */
interface Answer {
  readonly caller: CallerIdentity;
  readonly region: string | undefined;
  readonly story: Story;
  readonly ignored: readonly string[];
  /** End of the credentials; undefined for those without one. */
  readonly expiresAt: Date | undefined;
}

/** Asks AWS who one is, and tells it on stdout. */
export const run: RunCommand = async (line, context) => {
  const answer = await ask(line, context);
  if (!line.values.has("json")) {
    context.system.stdout(`${linesOf(answer, context.system.now()).join("\n")}\n`);
  }
  return { exitCode: exitCodes.ok, json: jsonOf(answer) };
};

async function ask(line: CommandLine, context: RunContext): Promise<Answer> {
  const options = identityOptions(line);
  const { account, region: asked } = placeOf(line, context);
  const plan = await planAccess(options, context);
  const { identity, settings } = plan;
  const region = asked ?? settings.region ??
    (identity.source.kind === "instance" ? await instanceRegion(context.system) : undefined);
  const step = planStep(plan, options, { account, region });
  const access = openAccess(plan, options, context);
  const work = async (): Promise<Answer> => {
    const { name, renew, credentials, story } = await access.identityFor(step, region);
    const sts = step.hops.length > 0 ? stsRegion(step.identity, [region]) : region ?? defaultRegion;
    const config = await access.clients.of("sts", sts);
    const caller = await openSts(credentials, config).getCallerIdentity()
      .catch((error: unknown) => {
        throw awsError(error, "GetCallerIdentity", { identity: name, renew });
      });
    return {
      ...{ caller, region, ignored: identity.ignored, expiresAt: credentials.expiration },
      story: { ...story, roles: withSessionName(story.roles, caller) },
    };
  };
  return await context.terminal.during("asking AWS who you are", work());
}

/** The roles with the name of the last session, which a cached one does not say. */
function withSessionName(roles: readonly RoleStep[], { arn }: CallerIdentity): RoleStep[] {
  const [, sessionName] = /:assumed-role\/[^/]+\/(.+)$/.exec(arn) ?? [];
  return roles.map((role, index) =>
    index === roles.length - 1 ? { ...role, sessionName: role.sessionName ?? sessionName } : role
  );
}

/** Whose STS is asked when nothing says a region. */
const defaultRegion = "us-east-1";

/** The account for roles that are names, and the region. */
function placeOf(
  line: CommandLine,
  { terminal }: RunContext,
): { account: string | undefined; region: string | undefined } {
  const { accounts, regions, warnings } = targetOptions(line);
  if (accounts.length > 1 || regions.length > 1) {
    throw usageError(
      "one-identity",
      "ecrin whoami is about one identity, in one account and one region",
      "run it once for each",
    );
  }
  for (const warning of warnings) terminal.warn(warning);
  return { account: accounts[0], region: regions[0] };
}

/** For people: a word and its value in a line, aligned. */
function linesOf(
  { caller, region, story, ignored, expiresAt }: Answer,
  now: Date,
): string[] {
  const end = (at: Date | undefined) => at === undefined ? "" : `, ${until(at, now)}`;
  const rows: (readonly [name: string, value: string])[] = [
    ["identity", caller.arn],
    ["account", caller.account],
    ["user id", caller.userId],
    ["region", region ?? "none"],
    [
      "source",
      `${story.source.name}${story.source.cached ? " (from the cache)" : ""}${
        end(story.source.expiresAt)
      }`,
    ],
    ...story.roles.map((role) => ["role", `${roleText(role)}${end(role.expiresAt)}`] as const),
    ["valid", expiresAt === undefined ? "as long as the keys" : until(expiresAt, now)],
    ...ignored.map((what) => ["ignored", what] as const),
  ];
  return rows.map(([name, value]) => `${name.padEnd(10)}${value}`);
}

function roleText({ roleArn, sessionName, by }: RoleStep): string {
  switch (by) {
    case "skipped":
      return `${roleArn} (not needed: a later role is cached)`;
    case "cache":
      return `${roleArn} as ${sessionName} (from the cache)`;
    case "mfa":
      return `${roleArn} as ${sessionName} (with an MFA code)`;
    case "request":
      return `${roleArn} as ${sessionName}`;
  }
}

function jsonOf(
  { caller, region, story, ignored, expiresAt }: Answer,
): Readonly<Record<string, unknown>> {
  return {
    identity: caller.arn,
    account: caller.account,
    userId: caller.userId,
    partition: caller.partition,
    region: region ?? null,
    source: sourceJson(story.source),
    hops: story.roles.map(({ roleArn, sessionName, by, expiresAt }) => ({
      roleArn,
      sessionName: sessionName ?? null,
      mfa: by === "mfa",
      cached: by === "cache",
      skipped: by === "skipped",
      expiresAt: isoOf(expiresAt),
    })),
    ignored,
    expiresAt: isoOf(expiresAt),
  };
}

function sourceJson(source: SourceStep): Record<string, unknown> {
  const { kind, profile, name, cached = false, expiresAt } = source;
  return { kind, profile: profile ?? null, name, cached, expiresAt: isoOf(expiresAt) };
}

function isoOf(at: Date | undefined): string | null {
  return at?.toISOString() ?? null;
}
