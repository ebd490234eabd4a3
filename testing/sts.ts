/**
 * STS: AssumeRole, AssumeRoleWithWebIdentity, GetSessionToken and GetCallerIdentity.
 *
 * Limits and messages: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 *
 * @module
 */

import { accessDenied, AwsFault } from "./aws_fault.ts";
import type { AwsKey, KeyTable } from "./keys.ts";
import { type Call, text } from "./protocol.ts";
import { checkTrust, checkWebTrust, type MfaDevices, type Role, type Roles } from "./roles.ts";
import type { WebIdentities } from "./web_identity.ts";

/** What the fake STS needs. */
export interface StsState {
  keys: KeyTable;
  roles: Roles;
  mfa: MfaDevices;
  webIdentities: WebIdentities;
}

/** Answers an operation of STS. */
export function sts(call: Call, state: StsState): unknown {
  switch (call.operation) {
    case "AssumeRole":
      return assumeRole(call, state);
    case "AssumeRoleWithWebIdentity":
      return assumeRoleWithWebIdentity(call, state);
    case "GetSessionToken":
      return getSessionToken(call, state);
    case "GetCallerIdentity": {
      const { arn, userId, account } = caller(call);
      return { Arn: arn, UserId: userId, Account: account };
    }
    default: {
      const message = `Could not find operation ${call.operation} for version 2011-06-15`;
      throw new AwsFault(400, "InvalidAction", message);
    }
  }
}

/** A new session of `roleArn`, for every service that gives out role credentials. */
export function issueRoleSession(
  keys: KeyTable,
  roleArn: string,
  session: { name: string; expiresAt: number } & Partial<AwsKey>,
): AwsKey {
  const { name, ...rest } = session;
  const parsed = roleArn.match(/^arn:([\w-]+):iam::(\d{12}):role\/(?:.*\/)?([\w+=,.@-]+)$/);
  if (parsed === null) throw validation(`${roleArn} is invalid`);
  const [, partition, account = "", role] = parsed;
  return keys.issue({
    ...rest,
    account,
    arn: `arn:${partition}:sts::${account}:assumed-role/${role}/${name}`,
    userId: `AROATEST${account}:${name}`,
    roleArn,
  });
}

function assumeRole(call: Call, { keys, roles, mfa }: StsState): unknown {
  const { params, now } = call;
  const source = caller(call);
  const { roleArn, name } = checkedSession(params);
  const tags = indexed(params, "Tags.member");
  const sourceIdentity = text(params, "SourceIdentity") ?? source.sourceIdentity;
  checkPattern("sourceIdentity", sourceIdentity);
  const withMfa = mfa.use(text(params, "SerialNumber"), text(params, "TokenCode"));

  const role = roles.find(roleArn);
  checkTrust(role, roleArn, source, {
    externalId: text(params, "ExternalId"),
    sourceIdentity,
    tagged: Object.keys(tags).length > 0,
    mfa: withMfa || source.mfa,
  });
  if (source.sourceIdentity !== undefined && source.sourceIdentity !== sourceIdentity) {
    throw accessDenied("sts", source.arn, "sts:SetSourceIdentity", roleArn);
  }
  const seconds = duration(params, role, source.roleArn !== undefined);
  const session = issueRoleSession(keys, roleArn, {
    name,
    expiresAt: now + seconds * 1000,
    tags,
    mfa: withMfa || source.mfa,
    denied: role.denied ?? [],
    ...(sourceIdentity === undefined ? {} : { sourceIdentity }),
  });
  return { ...sessionAnswer(session), SourceIdentity: sourceIdentity };
}

function assumeRoleWithWebIdentity(call: Call, state: StsState): unknown {
  const { params, now } = call;
  const { roleArn, name } = checkedSession(params);
  const claims = state.webIdentities.verify(text(params, "WebIdentityToken") ?? "");
  const role = state.roles.find(roleArn);
  checkWebTrust(role, claims);
  const seconds = duration(params, role, false);
  const session = issueRoleSession(state.keys, roleArn, {
    name,
    expiresAt: now + seconds * 1000,
    denied: role.denied ?? [],
  });
  return {
    ...sessionAnswer(session),
    SubjectFromWebIdentityToken: claims.sub,
    Audience: claims.aud,
    Provider: claims.iss,
  };
}

function getSessionToken(call: Call, { keys, mfa }: StsState): unknown {
  const { params, now } = call;
  const source = caller(call);
  if (source.sessionToken !== undefined) {
    const message = "Cannot call GetSessionToken with session credentials";
    throw new AwsFault(403, "AccessDenied", message);
  }
  const seconds = Number(text(params, "DurationSeconds") ?? 43_200);
  checkRange("durationSeconds", seconds, 900, 129_600);
  const withMfa = mfa.use(text(params, "SerialNumber"), text(params, "TokenCode"));
  const session = keys.issue({
    account: source.account,
    arn: source.arn,
    userId: source.userId,
    expiresAt: now + seconds * 1000,
    mfa: withMfa,
    denied: source.denied,
  });
  return { Credentials: credentials(session) };
}

/** The signer; the server has verified the signature of every signed operation before. */
function caller(call: Call): AwsKey {
  if (call.key === undefined) throw new Error(`${call.operation} is not signed`);
  return call.key;
}

function sessionAnswer(session: AwsKey): Record<string, unknown> {
  return {
    Credentials: credentials(session),
    AssumedRoleUser: { AssumedRoleId: session.userId, Arn: session.arn },
  };
}

function credentials(session: AwsKey): unknown {
  return {
    AccessKeyId: session.accessKeyId,
    SecretAccessKey: session.secretAccessKey,
    SessionToken: session.sessionToken,
    Expiration: new Date(session.expiresAt ?? 0).toISOString().replace(/\.\d+/, ""),
  };
}

function checkedSession(params: Record<string, unknown>): { roleArn: string; name: string } {
  const roleArn = text(params, "RoleArn") ?? "";
  if (!/^arn:[\w-]+:iam::\d{12}:role\/[\w+=,.@/-]+$/.test(roleArn)) {
    throw validation(`${roleArn} is invalid`);
  }
  const name = text(params, "RoleSessionName") ?? "";
  checkPattern("roleSessionName", name);
  return { roleArn, name };
}

/** Session names and source identities share one grammar: 2 to 64 of `[\w+=,.@-]`. */
function checkPattern(member: string, value: string | undefined): void {
  if (value === undefined) return;
  const reason = !/^[\w+=,.@-]*$/.test(value)
    ? "satisfy regular expression pattern: [\\w+=,.@-]*"
    : value.length < 2
    ? "have length greater than or equal to 2"
    : value.length > 64
    ? "have length less than or equal to 64"
    : undefined;
  if (reason !== undefined) throw constraint(member, value, reason);
}

function checkRange(member: string, value: number, least: number, most: number): void {
  if (!(value >= least)) {
    throw constraint(member, String(value), `have value greater than or equal to ${least}`);
  }
  if (value > most) {
    throw constraint(member, String(value), `have value less than or equal to ${most}`);
  }
}

function duration(params: Record<string, unknown>, role: Role, chained: boolean): number {
  const seconds = Number(text(params, "DurationSeconds") ?? 3600);
  checkRange("durationSeconds", seconds, 900, 43_200);
  if (chained && seconds > 3600) {
    throw validation(
      "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role " +
        "chaining",
    );
  }
  if (seconds > (role.maxSessionSeconds ?? 3600)) {
    throw validation(
      "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    );
  }
  return seconds;
}

/** `Tags.member.1.Key=a&Tags.member.1.Value=b` as `{a: "b"}`. */
function indexed(params: Record<string, unknown>, prefix: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (let index = 1; text(params, `${prefix}.${index}.Key`) !== undefined; index++) {
    found[text(params, `${prefix}.${index}.Key`) ?? ""] =
      text(params, `${prefix}.${index}.Value`) ??
        "";
  }
  return found;
}

function constraint(member: string, value: string, reason: string): AwsFault {
  return validation(
    `1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint: ` +
      `Member must ${reason}`,
  );
}

function validation(message: string): AwsFault {
  return new AwsFault(400, "ValidationError", message);
}
