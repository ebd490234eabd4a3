/**
 * Debian's AWS CLI, by its commands and by its own modules: its commands have no way to name an endpoint
 * for SSO.
 *
 * @module
 */

import assert from "node:assert/strict";
import { requirePrograms } from "./programs.ts";

const python = "/usr/bin/python3";

/** Where a program of the AWS CLI runs. */
export interface AwsCliOptions {
  /** The home folder. */
  home: string;
  args?: string[];
}

/** Whether it is there; prints a line where it is not, or throws where that may not be. */
export function hasAwsCli(): boolean {
  if (!requirePrograms(["aws", "python3"], "/usr/bin")) return false;
  // another Debian may keep its botocore elsewhere
  const args = ["-c", "import awscli.botocore.tokens"];
  const { success } = new Deno.Command(python, { args, stderr: "null" }).outputSync();
  if (!success && Deno.env.get("ECRIN_TEST_REQUIRE_ALL") === "1") {
    throw new Error("the AWS CLI is not Debian's, and ECRIN_TEST_REQUIRE_ALL is set");
  }
  if (!success) console.log("skipped: needs Debian's awscli");
  return success;
}

/** Runs a command of the AWS CLI; returns its stdout. */
export function runAws(args: string[], { home }: { home: string }): Promise<string> {
  return run("/usr/bin/aws", args, home);
}

/** Runs a script of the AWS CLI's modules; returns its stdout. */
export function runAwsCli(script: string, { home, args = [] }: AwsCliOptions): Promise<string> {
  return run(python, ["-c", script, ...args], home);
}

async function run(program: string, args: string[], home: string): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args,
    clearEnv: true,
    env: { HOME: home, PATH: "/usr/bin:/bin", AWS_EC2_METADATA_DISABLED: "true" },
    cwd: home,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  assert.equal(code, 0, decoder.decode(stderr));
  return decoder.decode(stdout).trim();
}
