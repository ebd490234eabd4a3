/**
 * Environment variables that hold secrets, which no program that ecrin starts by itself needs.
 *
 * @module
 */

import type { Env } from "./aws_config.ts";
import { scrub } from "./secret.ts";

/** Their names. */
export const secretVariables = [
  "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
  "AWS_BEARER_TOKEN_BEDROCK",
  "AWS_CONTAINER_AUTHORIZATION_TOKEN",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SECURITY_TOKEN",
  "AWS_SESSION_TOKEN",
  "BITBUCKET_STEP_OIDC_TOKEN",
  "CIRCLE_OIDC_TOKEN",
  "CIRCLE_OIDC_TOKEN_V2",
  "DOCKER_AUTH_CONFIG",
];

/** Without the variables above, and any other that holds a secret of this run: `env:NAME`. */
export function withoutSecrets(env: Env): Env {
  const kept = Object.entries(env).filter(([name, value]) =>
    !secretVariables.includes(name) && (value === undefined || scrub(value) === value)
  );
  return Object.fromEntries(kept);
}
