/**
 * IAM roles and what goes with assuming one: session names, tags, external IDs and source
 * identities, each checked against the grammar that AWS documents. Pure.
 *
 * ```ts
 * const role = parseRole("ci/deploy");
 * roleArn(role, "123456789012", "aws"); // "arn:aws:iam::123456789012:role/ci/deploy"
 * ```
 *
 * @module
 */

import { quote, usageError, type UserError } from "./errors.ts";
import { partitions } from "./partition.ts";

/** A role that was named, not yet in a certain account unless it was named by its ARN. */
export interface Role {
  /** Without its path. */
  readonly name: string;
  /** With a slash at both ends: `"/"` or `"/ci/deploy/"`. */
  readonly path: string;
  /** Twelve digits; `undefined` unless the role was named by its ARN, as are the next two. */
  readonly account: string | undefined;
  /** Name of the partition: `"aws"`. */
  readonly partition: string | undefined;
  readonly arn: string | undefined;
}

/** A session tag. */
export interface Tag {
  readonly key: string;
  readonly value: string;
}

// Role names and paths: https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html, which
// allows the control character DEL in a path too. We do not.
const roleName = /^[\w+=,.@-]{1,64}$/;
const rolePath = /^\/(?:[!-~]{1,510}\/)?$/;

// The rest: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html and API_Tag.html
const sessionNamePattern = /^[\w+=,.@-]{2,64}$/;
const externalIdPattern = /^[\w+=,.@:/-]{2,1224}$/;
const tagKey = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u;
const tagValue = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u;

const longestSessionName = 64;

const roleForms = "expected NAME, PATH/NAME or arn:aws:iam::123456789012:role/NAME";

/**
 * The role that `text` names: `NAME`, `PATH/NAME` or an ARN.
 *
 * @throws {UserError} `bad-role`, also for ARNs of users and of assumed roles.
 */
export function parseRole(text: string): Role {
  if (/^arn:/i.test(text)) return roleOfArn(text);
  const named = splitRole(text);
  if (named === undefined) throw badRole(text);
  return { ...named, account: undefined, partition: undefined, arn: undefined };
}

function roleOfArn(text: string): Role {
  const match = /^arn:([a-z-]+):(iam|sts)::([0-9]{12}):([a-z-]+)(?:\/([!-~]{1,576}))?$/.exec(text);
  if (match === null) throw badRole(text);
  const [, partition = "", service = "", account = "", kind = "", rest = ""] = match;
  if (!partitions.some(({ name }) => name === partition)) {
    throw badRole(text, `there is no partition ${quote(partition)}`);
  }
  if (service === "sts" && kind === "assumed-role") {
    // such an ARN holds NAME/SESSION, and no path
    const name = rest.split("/")[0] ?? "";
    const hint = roleName.test(name)
      ? `that is a session of a role; the role is arn:${partition}:iam::${account}:role/${name}, ` +
        "with its path before the name if it has one"
      : roleForms;
    throw badRole(text, hint);
  }
  if (service === "sts" || kind !== "role") {
    throw badRole(text, `that is the ARN of something else (${kind}); ${roleForms}`);
  }
  const named = splitRole(rest);
  if (named === undefined || rest.startsWith("/")) throw badRole(text);
  return { ...named, account, partition, arn: text };
}

/** Name and path of `PATH/NAME`, where a slash in front says nothing new. */
function splitRole(text: string): { name: string; path: string } | undefined {
  const slash = text.lastIndexOf("/") + 1;
  const name = text.slice(slash);
  const path = text.startsWith("/") ? text.slice(0, slash) : `/${text.slice(0, slash)}`;
  return roleName.test(name) && rolePath.test(path) ? { name, path } : undefined;
}

function badRole(text: string, hint = roleForms): UserError {
  return usageError("bad-role", `${quote(text)} is not a role`, hint);
}

/**
 * The ARN of `role`: its own if it was named by one, else in `account` and `partition`.
 *
 * @param account twelve digits.
 * @param partition name of the partition: `"aws"`.
 */
export function roleArn(role: Role, account: string, partition: string): string {
  return role.arn ?? `arn:${partition}:iam::${account}:role${role.path}${role.name}`;
}

/**
 * `text` itself, when it can name a role session.
 *
 * @throws {UserError} `bad-session-name`.
 */
export function parseSessionName(text: string): string {
  if (sessionNamePattern.test(text)) return text;
  throw usageError(
    "bad-session-name",
    `${quote(text)} cannot name a role session`,
    "use 2 to 64 letters, digits or _+=,.@-",
  );
}

/**
 * `text` itself, when it can name a role of IAM Identity Center.
 *
 * @throws {UserError} `bad-sso-role`.
 */
export function parseSsoRole(text: string): string {
  if (roleName.test(text)) return text;
  throw usageError(
    "bad-sso-role",
    `${quote(text)} cannot name an SSO role`,
    "it is the name of a permission set: up to 64 letters, digits or _+=,.@-",
  );
}

/** Where a CI job's name is: the variable that tells the platform, the project and the run. */
const ciJobs = [
  {
    platform: "gh",
    sign: "GITHUB_ACTIONS",
    project: ["GITHUB_REPOSITORY"],
    run: "GITHUB_RUN_ID",
  },
  {
    platform: "gitlab",
    sign: "GITLAB_CI",
    project: ["CI_PROJECT_PATH"],
    run: "CI_JOB_ID",
  },
  {
    platform: "circleci",
    sign: "CIRCLECI",
    project: ["CIRCLE_PROJECT_USERNAME", "CIRCLE_PROJECT_REPONAME"],
    run: "CIRCLE_BUILD_NUM",
  },
  {
    platform: "bitbucket",
    sign: "BITBUCKET_BUILD_NUMBER",
    project: ["BITBUCKET_REPO_FULL_NAME"],
    run: "BITBUCKET_BUILD_NUMBER",
  },
  {
    platform: "buildkite",
    sign: "BUILDKITE",
    project: ["BUILDKITE_PIPELINE_SLUG"],
    run: "BUILDKITE_BUILD_NUMBER",
  },
  {
    platform: "jenkins",
    sign: "JENKINS_URL",
    project: ["JOB_NAME"],
    run: "BUILD_NUMBER",
  },
] as const;

/**
 * The name under which CloudTrail shows a role session when the user gave none: the CI job's, else
 * the user's, else `ecrin`. Always one that {@linkcode parseSessionName} takes.
 */
export function sessionName(env: Readonly<Record<string, string | undefined>>): string {
  const job = ciJobs.find(({ sign }) => Boolean(env[sign]));
  if (job !== undefined) {
    const run = sessionNamePart(env[job.run]).slice(0, 24);
    const room = longestSessionName - `${job.platform}--${run}`.length;
    // the run tells jobs apart, so it is the project that is cut
    const project = sessionNamePart(job.project.map((name) => env[name]).join("-")).slice(0, room);
    return [job.platform, project, run].filter((part) => part !== "").join("-");
  }
  const user = [env["USER"], env["LOGNAME"], env["USERNAME"]]
    .map(sessionNamePart)
    .find((name) => name !== "");
  if (user === undefined) return "ecrin";
  return user.length < 2 ? `ecrin-${user}` : user.slice(0, longestSessionName);
}

/** What of `text` can be part of a session name: a dash for each run of other characters. */
function sessionNamePart(text = ""): string {
  return text.replace(/[^\w+=,.@-]+/g, "-").replace(/-{2,}/g, "-").replace(/^-|-$/g, "");
}

/**
 * A session tag `KEY=VALUE`; the value may be empty and may hold further equals signs.
 *
 * @throws {UserError} `bad-tag`.
 */
export function parseTag(text: string): Tag {
  const equals = text.indexOf("=");
  const key = text.slice(0, Math.max(equals, 0));
  const value = text.slice(equals + 1);
  if (/^aws:/i.test(key)) {
    throw usageError(
      "bad-tag",
      `${quote(text)} cannot tag a session: keys with "aws:" in front are reserved`,
      "choose another key",
    );
  }
  if (tagKey.test(key) && tagValue.test(value)) return { key, value };
  throw usageError(
    "bad-tag",
    `${quote(text)} cannot tag a session`,
    "expected KEY=VALUE: up to 128 and 256 letters, digits, spaces or _.:/=+-@",
  );
}

/**
 * `text` itself, when it can be an external ID.
 *
 * @throws {UserError} `bad-external-id`.
 */
export function parseExternalId(text: string): string {
  if (externalIdPattern.test(text)) return text;
  throw usageError(
    "bad-external-id",
    `${quote(text)} cannot be an external ID`,
    "use 2 to 1224 letters, digits or _+=,.@:/-",
  );
}

/**
 * `text` itself, when it can be a source identity.
 *
 * @throws {UserError} `bad-source-identity`.
 */
export function parseSourceIdentity(text: string): string {
  if (sessionNamePattern.test(text)) return text;
  throw usageError(
    "bad-source-identity",
    `${quote(text)} cannot be a source identity`,
    "use 2 to 64 letters, digits or _+=,.@-",
  );
}
