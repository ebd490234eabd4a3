/**
 * Where machines get their identity from: instance metadata (IMDSv2), the container credentials
 * endpoint, and GitHub's token endpoint.
 *
 * @module
 */

import { AwsFault } from "./aws_fault.ts";
import type { AwsKey, KeyTable } from "./keys.ts";
import { type Call, text } from "./protocol.ts";
import { issueRoleSession } from "./sts.ts";
import type { WebIdentities } from "./web_identity.ts";

/** What the machine is; by default it has a metadata service and nothing in it. */
export interface MetadataOptions {
  /** ARN of the instance's role. */
  instanceRole?: string;
  /** The instance's region. */
  region?: string;
  /** ARN of the container's role; default `arn:aws:iam::111111111111:role/task`. */
  containerRole?: string;
}

/** What the metadata services need. */
export interface MetadataState {
  options: MetadataOptions;
  keys: KeyTable;
  webIdentities: WebIdentities;
  /** The values that requests must show: of the instance, the container, and the CI job. */
  tokens: { instance: string; container: string; github: string };
}

/** Answers an operation of a metadata service. */
export function metadata(call: Call, state: MetadataState): unknown {
  switch (call.service) {
    case "container":
      return containerCredentials(call, state);
    case "github":
      return githubToken(call, state);
    default:
      return call.operation === "GetToken" ? instanceToken(call, state) : instance(call, state);
  }
}

function containerCredentials(call: Call, { options, keys, tokens }: MetadataState): unknown {
  if (call.request.headers.get("authorization") !== tokens.container) {
    throw new AwsFault(401, "Unauthorized", "The authorization token is missing or wrong");
  }
  const role = options.containerRole ?? "arn:aws:iam::111111111111:role/task";
  return { ...credentials(keys, role, call.now), RoleArn: role };
}

function githubToken(call: Call, { webIdentities, tokens }: MetadataState): unknown {
  const given = call.request.headers.get("authorization")?.replace(/^bearer /i, "");
  if (given !== tokens.github) throw new AwsFault(401, "Unauthorized", "Bad credentials");
  const audience = text(call.params, "audience") ?? "https://github.com/example";
  return { count: 1, value: webIdentities.issue({ audience, expiresAt: call.now + 300_000 }) };
}

function instanceToken(call: Call, { tokens }: MetadataState): Response {
  const ttl = call.request.headers.get("x-aws-ec2-metadata-token-ttl-seconds");
  if (ttl === null || !(Number(ttl) >= 1 && Number(ttl) <= 21_600)) return page(400, "Bad Request");
  return new Response(tokens.instance, {
    headers: { "x-aws-ec2-metadata-token-ttl-seconds": ttl },
  });
}

function instance(call: Call, { options, keys, tokens }: MetadataState): unknown {
  if (call.request.headers.get("x-aws-ec2-metadata-token") !== tokens.instance) {
    return page(401, "Unauthorized");
  }
  const { instanceRole, region } = options;
  const path = new URL(call.request.url).pathname.replace(/^\/latest\/meta-data\//, "");
  const roles = "iam/security-credentials/";
  const name = instanceRole?.split("/").at(-1);
  if (path === "placement/region" && region !== undefined) return new Response(region);
  if (instanceRole !== undefined && `${path.replace(/\/$/, "")}/` === roles) {
    return new Response(name ?? "");
  }
  if (instanceRole !== undefined && path === `${roles}${name}`) {
    const now = new Date(call.now).toISOString();
    const found = credentials(keys, instanceRole, call.now);
    return { Code: "Success", LastUpdated: now, Type: "AWS-HMAC", ...found };
  }
  return page(404, "Not Found");
}

function credentials(keys: KeyTable, role: string, now: number): Record<string, unknown> {
  const expiresAt = now + 6 * 3600 * 1000;
  const session: AwsKey = issueRoleSession(keys, role, { name: "i-0123456789abcdef0", expiresAt });
  return {
    AccessKeyId: session.accessKeyId,
    SecretAccessKey: session.secretAccessKey,
    Token: session.sessionToken,
    Expiration: new Date(expiresAt).toISOString().replace(/\.\d+/, ""),
  };
}

/** The metadata service's own error page. */
function page(status: number, title: string): Response {
  return new Response(`<html><head><title>${status} - ${title}</title></head></html>\n`, {
    status,
    headers: { "content-type": "text/html" },
  });
}
