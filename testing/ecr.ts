/**
 * ECR and ECR Public: GetAuthorizationToken.
 *
 * @module
 */

import { accessDenied, AwsFault } from "./aws_fault.ts";
import type { PasswordTable } from "./passwords.ts";
import type { Call } from "./protocol.ts";

/** How the fake ECR answers. */
export interface EcrOptions {
  /** How long passwords are valid, in seconds; default 12 hours. */
  passwordSeconds?: number;
  /** The password that is always given out; default a new one each time. */
  password?: string;
  /**
   * What `proxyEndpoint` names: `"registry"`, the fake registry (default); `"aws"`, the registry's
   * real name; or any URL.
   */
  proxyEndpoint?: "registry" | "aws" | (string & Record<never, never>);
}

/** What the fake ECR needs. */
export interface EcrState {
  options: EcrOptions;
  passwords: PasswordTable;
  /** URL of the fake registry. */
  registryUrl: string;
}

/** Registry suffixes of the partitions, by the first part of the region. */
const suffixes: [prefix: string, suffix: string][] = [
  ["cn-", "amazonaws.com.cn"],
  ["eusc-", "amazonaws.eu"],
  ["", "amazonaws.com"],
];

/** Answers an operation of ECR or ECR Public. */
export function ecr(call: Call, state: EcrState): unknown {
  const { service, operation, key, region } = call;
  if (operation !== "GetAuthorizationToken" || key === undefined) {
    throw new AwsFault(400, "UnknownOperationException", "");
  }
  const isPublic = service === "ecr-public";
  if (isPublic && region !== "us-east-1") {
    const message = "GetAuthorizationToken command is only supported in us-east-1.";
    throw new AwsFault(400, "UnsupportedCommandException", message);
  }
  const actions = [`${service}:GetAuthorizationToken`];
  if (isPublic) actions.push("sts:GetServiceBearerToken");
  const denied = actions.find((action) => key.denied.includes(action));
  if (denied !== undefined) throw accessDenied(service, key.arn, denied, "*");

  const { passwordSeconds = 12 * 3600, proxyEndpoint = "registry" } = state.options;
  const expiresAt = call.now + passwordSeconds * 1000;
  const issue = (account: string): { authorizationToken: string; expiresAt: number } => {
    const { password } = state.passwords.issue({ public: isPublic, region, account, expiresAt });
    return { authorizationToken: btoa(`AWS:${password}`), expiresAt: expiresAt / 1000 };
  };
  if (isPublic) return { authorizationData: issue(key.account) };

  const endpoints: Record<string, (account: string) => string> = {
    registry: () => state.registryUrl,
    aws: (account) => `https://${account}.dkr.ecr.${region}.${suffixOf(region)}`,
  };
  const ids = call.params["registryIds"];
  const accounts: string[] = Array.isArray(ids) && ids.length > 0 ? ids.map(String) : [key.account];
  return {
    authorizationData: accounts.map((account) => ({
      ...issue(account),
      proxyEndpoint: endpoints[proxyEndpoint]?.(account) ?? proxyEndpoint,
    })),
  };
}

function suffixOf(region: string): string {
  return suffixes.find(([prefix]) => region.startsWith(prefix))?.[1] ?? "amazonaws.com";
}
