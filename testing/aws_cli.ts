/**
 * Debian's AWS CLI by its own modules: its commands have no way to name an endpoint for SSO.
 *
 * @module
 */

import assert from "node:assert/strict";
import { requirePrograms } from "./programs.ts";

const python = "/usr/bin/python3";

/** Whether it is there; prints a line where it is not. */
export function hasAwsCli(): boolean {
  if (!requirePrograms(["aws", "python3"])) return false;
  try {
    const args = ["-c", "import awscli.botocore.tokens"];
    const { success } = new Deno.Command(python, { args, stderr: "null" }).outputSync();
    if (!success) console.log("skipped: needs Debian's awscli");
    return success;
  } catch {
    return false;
  }
}

/** Runs a script of the AWS CLI's modules with `home` as the home folder; returns its stdout. */
export async function runAwsCli(
  script: string,
  { home, args = [] }: { home: string; args?: string[] },
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(python, {
    args: ["-c", script, ...args],
    clearEnv: true,
    env: { HOME: home, AWS_EC2_METADATA_DISABLED: "true" },
    cwd: home,
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  assert.equal(code, 0, text(stderr));
  return text(stdout).trim();
}
