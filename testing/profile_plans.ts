/**
 * Profiles of `~/.aws` as the unit under test: the plan of one, or why there is none.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Env, parseAwsConfig } from "../aws_config.ts";
import { UserError } from "../errors.ts";
import { planProfile, type ProfilePlan } from "../profiles.ts";

/** Where `~/.aws/config` is. */
export const configPath = "/home/ann/.aws/config";
const credentialsPath = "/home/ann/.aws/credentials";

/** What a profile is read from. */
export interface Files {
  readonly config?: string;
  readonly credentials?: string;
  readonly env?: Env;
}

/** The plan of the profile `name`. */
export function plan(
  name: string,
  { config = "", credentials = "", env = {} }: Files,
): ProfilePlan {
  const files = {
    config: { text: config, path: configPath },
    credentials: { text: credentials, path: credentialsPath },
  };
  return planProfile(parseAwsConfig(files), name, env);
}

/** The error that the profile `name` is refused with, which has to be one for users. */
export function refusal(name: string, files: Files): UserError {
  try {
    plan(name, files);
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    assert.equal(error.exitCode, 2);
    assert.match(error.message, /^(?!.*\.$)[a-z]/, "lower case, no final period");
    assert.ok(error.hint, "a hint");
    return error;
  }
  throw new Error("there is a plan");
}

/** The setting of a role, and those of keys. */
export function role(name: string): string {
  return `role_arn = arn:aws:iam::111111111111:role/${name}\n`;
}

export function keys(name: string): string {
  return `aws_access_key_id = id-${name}\naws_secret_access_key = secret-${name}\n`;
}

/** Settings of SSO with a session, those without, and the session. */
export const sso = "sso_account_id = 111111111111\nsso_role_name = Dev\n";
export const legacySso = `sso_start_url = https://x.example/start\nsso_region = r\n${sso}`;
export const corp =
  "[sso-session corp]\nsso_start_url = https://corp.example/start\nsso_region = eu\n";
