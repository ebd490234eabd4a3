/**
 * Every flag, listed once: the table drives the parser in cli.ts and the help here. No imports but
 * names, so that `--help` costs nothing.
 *
 * @module
 */

import { toolNames } from "./tools.ts";

/** A flag as the parser and the help see it. */
export interface Flag {
  readonly name: string;
  readonly short?: string;
  /** Placeholder of the value; a flag without one is a switch. */
  readonly value?: string;
  readonly repeatable?: boolean;
  readonly help: string;
}

/** Every flag, once, in the order of the help. */
const flagGroups: ReadonlyMap<string, readonly Flag[]> = new Map([
  ["Identity", [
    { name: "profile", value: "NAME", help: "AWS profile to start from" },
    {
      name: "web-identity",
      value: "FROM",
      help: "token for --role: auto (this CI job's), github, env:NAME or file:PATH",
    },
    {
      name: "role",
      value: "ROLE",
      repeatable: true,
      help: "role to assume: name, path/name or ARN; repeat it for a chain",
    },
    {
      name: "session-name",
      value: "NAME",
      help: "role session name (default: the user or CI job)",
    },
    {
      name: "duration",
      value: "TIME",
      help: "life of the role's credentials, 15m..12h (default: 15m, with MFA 1h)",
    },
    { name: "external-id", value: "ID", help: "external ID that the last role asks for" },
    {
      name: "source-identity",
      value: "NAME",
      help: "source identity recorded with the role session",
    },
    { name: "tag", value: "KEY=VALUE", repeatable: true, help: "session tag, repeatable" },
    { name: "mfa-serial", value: "SERIAL", help: "MFA device that the first role needs a code of" },
    { name: "mfa-code", value: "CODE", help: "the code (default: asked for on the terminal)" },
    { name: "mfa-command", value: "COMMAND", help: "command that prints the code" },
    { name: "no-cache", help: "leave the AWS CLI's cached role credentials alone" },
  ]],
  ["Targets", [
    {
      name: "account",
      value: "ID",
      repeatable: true,
      help: "registry's AWS account, repeatable, commas allowed",
    },
    {
      name: "region",
      value: "REGION",
      repeatable: true,
      help: "AWS region, repeatable, commas allowed",
    },
    { name: "public", help: "log in to public.ecr.aws too" },
  ]],
  ["Tools", [
    {
      name: "tool",
      value: "TOOL",
      repeatable: true,
      help: `${toolNames.join(", ")} (default: the first installed)`,
    },
  ]],
  ["Behaviour", [
    { name: "timeout", value: "TIME", help: "limit of the whole run (default: 2m)" },
    { name: "dry-run", help: "print the plan: no AWS call, no tool started" },
    { name: "no-input", help: "never ask" },
    { name: "json", help: "print the result as JSON on stdout" },
    { name: "quiet", short: "q", help: "print errors only" },
    { name: "verbose", short: "v", help: "say which identity is used and each step" },
    { name: "no-color", help: "print without colours" },
    { name: "help", short: "h", help: "print this help" },
    { name: "version", help: "print the version" },
  ]],
]);

/** The flags of every group. */
export const flags: readonly Flag[] = [...flagGroups.values()].flat();

/** The help: examples first, then the flags by group. */
export function helpText(version: string): string {
  return `ecrin ${version}: log container tools in to Amazon ECR

Log docker in to a registry, with a role of its account:
    ecrin --account 222222222222 --role deploy --region ap-northeast-1

With the identity at hand, to a registry named any way you have it:
    ecrin 222222222222.dkr.ecr.ap-northeast-1.amazonaws.com/app:1.2

Your own registry and ECR Public, in podman:
    ecrin login --profile dev --public --region us-east-1 --tool podman

Usage: ecrin [login] [REGISTRY...] [flags]

REGISTRY is a host, URL, image reference, repository ARN or 12-digit account.
${
    [...flagGroups].map(([title, group]) => `\n${title}\n${group.map(helpLine).join("\n")}\n`).join(
      "",
    )
  }
Exit codes: 0 done, 1 a bug, 2 usage or configuration, 3 container tool, 4 credentials or
permission, 5 AWS or network, 124 timeout, 130 interrupted.
`;
}

/** Width of the flag column, in characters. */
const flagColumn = 26;

function helpLine({ name, short, value, help }: Flag): string {
  const usage = `${short === undefined ? "    " : `-${short}, `}--${name}${
    value ? ` ${value}` : ""
  }`;
  return `  ${usage.padEnd(flagColumn)}  ${help}`;
}

/**
 * Whether the arguments ask for the help or the version, which win over anything else that they
 * say, right or wrong.
 */
export function asksFor(args: readonly string[]): "help" | "version" | undefined {
  const ours = args.includes("--") ? args.slice(0, args.indexOf("--")) : args;
  if (ours[0] === "help" || ours.some((arg) => /^(?:--help|-[a-z]*h[a-z]*)$/.test(arg))) {
    return "help";
  }
  return ours.includes("--version") ? "version" : undefined;
}
