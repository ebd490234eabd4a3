/**
 * Every flag of every command, listed once. The table drives the parser in command_line.ts and the
 * help in help.ts; commands.ts says which command takes which. No imports but names, so that
 * `--help` costs nothing.
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
export const flagGroups: ReadonlyMap<string, readonly Flag[]> = new Map([
  ["Identity", [
    { name: "profile", value: "NAME", help: "AWS profile to start from" },
    { name: "sso-session", value: "NAME", help: "[sso-session] of the AWS config file" },
    {
      name: "sso-role",
      value: "NAME",
      help: "with --sso-session: the role to take, in the target's account",
    },
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
  ["Signing in", [
    {
      name: "start-url",
      value: "URL",
      help: "the portal's start URL, as in https://x.awsapps.com/start",
    },
    { name: "sso-region", value: "REGION", help: "region of the portal" },
    { name: "device-code", help: "sign in with a code, in a browser on any machine" },
    {
      name: "no-browser",
      help: "open no browser; the same as --device-code unless --port is given",
    },
    {
      name: "port",
      value: "PORT",
      help: "port that the browser comes back to, as one forwarded by ssh -L",
    },
    {
      name: "force",
      help: "sign in anew, perhaps as somebody else, although the session is valid",
    },
  ]],
  ["Profiles", [
    { name: "prefix", value: "TEXT", help: "beginning of the names of the profiles" },
    { name: "role-name", value: "NAME", help: "only this role" },
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
    { name: "public", help: "public.ecr.aws too" },
    { name: "all", help: "everything there is" },
    { name: "expired", help: "what has run out" },
  ]],
  ["Tools", [
    {
      name: "tool",
      value: "TOOL",
      repeatable: true,
      help: toolNames.join(", "),
    },
  ]],
  ["Output", [
    {
      name: "format",
      value: "FORMAT",
      help: "sh, fish, powershell, dotenv, json, process or github",
    },
    { name: "unset", help: "print what takes the variables back" },
    { name: "check", value: "TIME", help: "exit with 4 unless all last longer than that" },
  ]],
  ["Behaviour", [
    { name: "if-expiring", value: "TIME", help: "leave a login alone that lasts longer than that" },
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
