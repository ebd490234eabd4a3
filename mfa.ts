/**
 * MFA codes: where one comes from, and what happens to it. The order is `--mfa-code`,
 * `--mfa-command`, `mfa_process` of the profile, a question on the terminal.
 *
 * @module
 */

import { exitCodes, quoteName, UserError } from "./errors.ts";
import { printedCode, typedCode } from "./mfa_code.ts";
import { howItFailed } from "./process.ts";
import { conceal } from "./secret.ts";
import { runInShell } from "./shell.ts";
import type { System } from "./system.ts";
import { terminalToAsk } from "./tty.ts";

/** How often a person is asked for a code. */
const mostQuestions = 3;

/** A device, and the role that it is needed for. */
export interface MfaDevice {
  readonly serial: string;
  readonly roleArn: string;
  /** The profile that says so, and its `mfa_process`; undefined for `--mfa-serial`. */
  readonly profile: string | undefined;
  readonly process: string | undefined;
}

/** What getting a code may touch. */
export interface MfaContext {
  /** `--mfa-code`. */
  readonly code: string | undefined;
  /** `--mfa-command`. */
  readonly command: string | undefined;
  /** Whether a person may be asked. */
  readonly input: boolean;
  readonly system: System;
  readonly signal: AbortSignal;
  /** Keeps progress off the terminal while `work` asks something. */
  readonly asking: <T>(work: () => Promise<T>) => Promise<T>;
}

/**
 * Checks that a code can be had, so that nothing is asked of AWS in vain.
 *
 * @throws {UserError} `mfa-needed`
 */
export function requireMfa(device: MfaDevice, context: MfaContext): void {
  if (context.code ?? context.command ?? device.process) return;
  using terminal = terminalToAsk(context);
  if (terminal === undefined) throw mfaNeeded(device);
}

/**
 * Gets a code and uses it. A person is asked again when AWS says that the code is wrong; a code that
 * was given, or that a command printed, would only be wrong again.
 *
 * @param identify fails unless AWS knows whose credentials the code is for: nobody is asked in vain
 * @param use throws a UserError `mfa-failed` for a wrong code
 * @throws {UserError} when no code can be had, or none is right
 */
export async function withMfaCode<T>(
  device: MfaDevice,
  context: MfaContext,
  { identify, use }: {
    readonly identify: () => Promise<unknown>;
    readonly use: (code: string) => Promise<T>;
  },
): Promise<T> {
  const { code, command } = context;
  if (code !== undefined) return await use(code);
  if (command !== undefined) {
    await identify();
    return await use(await commandCode(command, "--mfa-command", context));
  }
  if (device.process !== undefined) {
    await identify();
    const name = `the mfa_process of profile ${quoteName(device.profile ?? "default")}`;
    return await use(await commandCode(device.process, name, context));
  }
  await identify();
  return await context.asking(() => ask(device, context, use));
}

async function ask<T>(
  device: MfaDevice,
  context: MfaContext,
  use: (code: string) => Promise<T>,
): Promise<T> {
  using terminal = terminalToAsk(context);
  if (terminal === undefined) throw mfaNeeded(device);
  const of = device.profile === undefined ? "" : ` for profile ${quoteName(device.profile)}`;
  for (let left = mostQuestions - 1;; left--) {
    const typed = await terminal.ask(
      `ecrin: MFA code of ${device.serial}${of}: `,
      context.signal,
    );
    if (typed === undefined) throw noCode(device);
    const code = typedCode(typed);
    try {
      if (code === undefined) throw notSixDigits();
      return await use(code);
    } catch (error) {
      if (!(error instanceof UserError) || error.code !== "mfa-failed" || left === 0) throw error;
      terminal.write(`ecrin: ${error.message}${code === undefined ? "" : ": wait for the next"}\n`);
    }
  }
}

/**
 * What a command of the user's prints, run in a shell as a `credential_process` is.
 *
 * @param name how a person calls the command
 */
async function commandCode(
  command: string,
  name: string,
  { system, signal }: MfaContext,
): Promise<string> {
  const { code, stdout, stderr } = await runInShell(command, { system, env: system.env, signal });
  const printed = printedCode(stdout);
  if (code === 0 && printed !== undefined) return printed;
  // whatever it is, it came from where secrets are kept, and stderr may repeat it
  for (const word of stdout.split(/\s+/)) conceal(word);
  const problem = code === 0
    ? "printed no MFA code: its last line is not six digits"
    : howItFailed(code, stderr);
  throw new UserError(`${name} ${problem}`, {
    code: "mfa-command",
    exitCode: exitCodes.credentials,
    hint: "run it by itself to see what it does, or give the code: --mfa-code CODE",
  });
}

function neededFor({ profile, roleArn, serial }: MfaDevice): string {
  return profile === undefined
    ? `an MFA code of ${serial} is needed to assume ${roleArn}`
    : `profile ${quoteName(profile)} needs an MFA code to assume ${roleArn}`;
}

const otherWays = "--mfa-code CODE, or --mfa-command with a command that prints it";

function mfaNeeded(device: MfaDevice): UserError {
  return new UserError(neededFor(device), {
    code: "mfa-needed",
    exitCode: exitCodes.credentials,
    hint: `add: ${otherWays}; or run ecrin on a terminal, where it asks`,
  });
}

function noCode(device: MfaDevice): UserError {
  return new UserError(`${neededFor(device)}, and none was typed`, {
    code: "mfa-needed",
    exitCode: exitCodes.credentials,
    hint: `type the six digits that the device shows, or add: ${otherWays}`,
  });
}

function notSixDigits(): UserError {
  return new UserError("an MFA code has six digits", {
    code: "mfa-failed",
    exitCode: exitCodes.credentials,
    hint: "type the six digits that the device shows",
  });
}
