/**
 * The instance metadata service of EC2: the last place to ask, for at most a second in all, since
 * outside EC2 its address swallows packets.
 *
 * @module
 */

import type { IncomingMessage, RequestOptions } from "node:http";
import type { Env } from "./aws_config.ts";
import { type AwsCredentials, checkedCredentials } from "./clients.ts";
import { loadCredentialProviders } from "./deps.ts";
import { exitCodes, UserError } from "./errors.ts";
import { parseRegion } from "./partition.ts";
import { metadataDisabled } from "./settings.ts";
import type { System } from "./system.ts";
import { jobIdentityMissing } from "./web_identity.ts";

/** Time for all requests of one question, in milliseconds. */
const limit = 1000;

const defaultEndpoint = "http://169.254.169.254";

/**
 * The credentials of the instance's role.
 *
 * @throws {UserError} that there are no credentials anywhere: this is the last source
 */
export async function instanceCredentials(
  { env }: System,
  { roleNamed }: { roleNamed?: boolean | undefined },
): Promise<AwsCredentials> {
  const { fromInstanceMetadata } = await loadCredentialProviders();
  // the provider's own limit is a request, and it makes three
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("no answer within a second")), limit);
  try {
    const provider = fromInstanceMetadata({ timeout: limit, maxRetries: 0, logger: silent });
    return checkedCredentials(await Promise.race([provider(), late]), "the instance's credentials");
  } catch (error) {
    throw noCredentials(env, { roleNamed, cause: error });
  } finally {
    clearTimeout(timer);
  }
}

const nothing = (): void => {};

/** For providers that warn on the console otherwise. */
export const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/**
 * The region that the instance is in, or `undefined` when nothing answers.
 */
export async function instanceRegion({ env }: System): Promise<string | undefined> {
  if (metadataDisabled(env)) return undefined;
  const base = (env.AWS_EC2_METADATA_SERVICE_ENDPOINT || defaultEndpoint).replace(/\/+$/, "");
  const signal = AbortSignal.timeout(limit);
  try {
    const token = await ask(`${base}/latest/api/token`, {
      method: "PUT",
      headers: { "x-aws-ec2-metadata-token-ttl-seconds": "60" },
      signal,
    });
    const region = await ask(`${base}/latest/meta-data/placement/region`, {
      headers: { "x-aws-ec2-metadata-token": token },
      signal,
    });
    return parseRegion(region.trim());
  } catch {
    return undefined;
  }
}

/** Not by `fetch`, which asks a proxy for it, and would give the token to wherever a redirect leads. */
async function ask(url: string, options: RequestOptions): Promise<string> {
  const { request } = await import("node:http");
  const answer = Promise.withResolvers<IncomingMessage>();
  request(url, options, answer.resolve).on("error", answer.reject).end();
  const response = await answer.promise;
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
  response.setEncoding("utf8");
  let text = "";
  for await (const part of response) text += part;
  return text;
}

/**
 * The error for a machine with no identity at all.
 *
 * @param options.roleNamed whether `--role` is there, which the web identity of a CI job needs
 */
export function noCredentials(
  env: Env,
  { roleNamed, cause }: { roleNamed?: boolean | undefined; cause?: unknown } = {},
): UserError {
  const missing = roleNamed ? jobIdentityMissing(env, cause) : undefined;
  if (missing !== undefined) return missing;
  const hint = env.GITHUB_ACTIONS === "true"
    ? "in GitHub Actions, name a role that trusts the job: --role; or put a step with " +
      "aws-actions/configure-aws-credentials before this one"
    : "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile: --profile NAME, " +
      "or set up SSO: ecrin sso configure";
  return new UserError(
    "no AWS credentials: none in the environment, in a profile, or from the machine",
    { code: "no-credentials", exitCode: exitCodes.credentials, hint, cause },
  );
}
