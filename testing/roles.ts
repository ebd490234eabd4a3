/**
 * IAM roles and MFA devices of the fake AWS: who may assume what, and how.
 *
 * @module
 */

import { accessDenied, AwsFault } from "./aws_fault.ts";
import type { AwsKey } from "./keys.ts";
import type { Claims } from "./web_identity.ts";

/** A role and its trust policy. */
export interface Role {
  /** `arn:aws:iam::222222222222:role/deploy` */
  arn: string;
  /** ARNs of users and roles, account ids, or `"*"`; default anyone. */
  trusts?: string[];
  /** The external id that must be given. */
  externalId?: string;
  /** Whether the caller must have used a one-time code. */
  mfa?: boolean;
  /** Whether a source identity must be set. */
  sourceIdentity?: boolean;
  /** Whether sessions may be tagged; default yes. */
  tagSession?: boolean;
  /** Longest session in seconds; default one hour, as in IAM. */
  maxSessionSeconds?: number;
  /** What web identity tokens must say. A subject may contain `*`. */
  webIdentity?: { issuer: string; subject?: string; audience?: string };
  /** Actions that its sessions may not do. */
  denied?: string[];
}

/** The roles of one fake AWS. Without a table every well-formed role exists and trusts anyone. */
export class Roles {
  readonly #roles: Role[] | undefined;

  constructor(roles?: Role[]) {
    this.#roles = roles;
  }

  /** The role with that ARN, or undefined. */
  find(arn: string): Role | undefined {
    if (this.#roles === undefined) return { arn, maxSessionSeconds: 43_200 };
    return this.#roles.find((role) => role.arn === arn);
  }
}

/** What a caller gives besides the role. */
export interface TrustConditions {
  externalId?: string | undefined;
  sourceIdentity?: string | undefined;
  tagged: boolean;
  mfa: boolean;
}

/** Throws what STS answers unless `role` trusts `caller` under these conditions. */
export function checkTrust(
  role: Role | undefined,
  arn: string,
  caller: AwsKey,
  given: TrustConditions,
): asserts role is Role {
  const denied = (action: string): AwsFault => accessDenied("sts", caller.arn, action, arn);
  // AWS does not tell a role that does not exist from one that may not be assumed
  if (role === undefined || caller.denied.includes("sts:AssumeRole")) {
    throw denied("sts:AssumeRole");
  }
  const { trusts = ["*"] } = role;
  const names = [
    "*",
    caller.account,
    `arn:aws:iam::${caller.account}:root`,
    caller.arn,
    caller.roleArn,
  ];
  if (
    !trusts.some((trusted) => names.includes(trusted)) ||
    (role.externalId !== undefined && role.externalId !== given.externalId) ||
    (role.mfa === true && !given.mfa) ||
    (role.sourceIdentity === true && given.sourceIdentity === undefined)
  ) throw denied("sts:AssumeRole");
  if (given.tagged && role.tagSession === false) throw denied("sts:TagSession");
}

/** Throws what STS answers unless `role` trusts a web identity token with these claims. */
export function checkWebTrust(role: Role | undefined, claims: Claims): asserts role is Role {
  const { issuer = claims.iss, audience = "sts.amazonaws.com", subject = "*" } =
    role?.webIdentity ?? {};
  if (claims.aud !== audience) {
    throw new AwsFault(400, "InvalidIdentityToken", "Incorrect token audience");
  }
  const pattern = subject.split("*").map((part) => part.replaceAll(/\W/g, "\\$&")).join(".*");
  const trusted = role !== undefined && claims.iss === issuer &&
    new RegExp(`^${pattern}$`).test(claims.sub);
  if (trusted) return;
  const message = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
  throw new AwsFault(403, "AccessDenied", message);
}

/** MFA devices: the codes that each still accepts. A code is good once, as in AWS. */
export class MfaDevices {
  readonly #codes = new Map<string, string[]>();

  /** @param devices codes by serial number or ARN of the device. */
  constructor(devices: Record<string, string[]> = {}) {
    for (const [serial, codes] of Object.entries(devices)) this.#codes.set(serial, [...codes]);
  }

  /** Uses up a code. False when none was given; throws what STS answers to a wrong one. */
  use(serial: string | undefined, code: string | undefined): boolean {
    if (serial === undefined && code === undefined) return false;
    const failed = (reason: string): AwsFault =>
      new AwsFault(403, "AccessDenied", `MultiFactorAuthentication failed${reason}`);
    if (serial === undefined || code === undefined) {
      throw failed(", must provide both MFA serial number and one time pass code.");
    }
    const codes = this.#codes.get(serial);
    if (codes === undefined) {
      throw failed(
        ", unable to validate MFA code.  Please verify your MFA serial number is valid and " +
          "associated with this user.",
      );
    }
    const index = codes.indexOf(code);
    if (index < 0) throw failed(" with invalid MFA one time pass code. ");
    codes.splice(index, 1);
    return true;
  }
}
