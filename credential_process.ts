/**
 * `credential_process`: a program of the user's that prints credentials.
 * Format: https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
 *
 * @module
 */

import { type AwsCredentials, checkedCredentials } from "./clients.ts";
import { exitCodes, quoteName, shellWord, usageError, UserError } from "./errors.ts";
import { howItFailed } from "./process.ts";
import { conceal } from "./secret.ts";
import { runInShell } from "./shell.ts";
import type { System } from "./system.ts";

/** A profile's credential_process. */
export interface CredentialProcess {
  readonly profile: string;
  readonly command: string;
}

/** Names, to an ecrin that the program starts, the profiles whose programs are running. */
const running = "ECRIN_CREDENTIAL_PROCESS_OF";

/**
 * Runs the program in a shell, as the SDKs do. Of its stderr the last line is told when it fails.
 *
 * @throws {UserError} when it fails or prints something else
 */
export async function processCredentials(
  source: CredentialProcess,
  { system, signal }: { system: System; signal: AbortSignal },
): Promise<AwsCredentials> {
  const outer = system.env[running]?.split("\n") ?? [];
  if (outer.includes(source.profile)) throw startsItself(source);
  const { code, stdout, stderr } = await runInShell(source.command, {
    system,
    env: { ...system.env, [running]: [...outer, source.profile].join("\n") },
    signal,
  });
  if (code !== 0) {
    concealPrinted(stdout);
    throw processError(source, howItFailed(code, stderr));
  }
  return parseProcessOutput(stdout, source, system.now());
}

/** Makes the secrets in what a program printed before it failed known, since it may repeat them. */
function concealPrinted(text: string): void {
  const strings = /"(?:SecretAccessKey|SessionToken)"\s*:\s*("(?:[^"\\]|\\.)*")/g;
  for (const [, written = ""] of text.matchAll(strings)) {
    conceal(written.slice(1, -1));
    try {
      conceal(JSON.parse(written));
    } catch {
      // no JSON after all
    }
  }
}

/**
 * The credentials that a credential_process printed.
 *
 * @throws {UserError} when `text` is not of the format, or the credentials have run out
 */
export function parseProcessOutput(
  text: string,
  source: CredentialProcess,
  now: Date,
): AwsCredentials {
  let printed: unknown;
  try {
    printed = JSON.parse(text);
  } catch {
    throw processError(source, "did not print JSON");
  }
  const { Version, AccessKeyId, SecretAccessKey, SessionToken, Expiration } =
    (printed ?? {}) as Record<string, unknown>;
  if (typeof SecretAccessKey === "string") conceal(SecretAccessKey);
  if (typeof SessionToken === "string") conceal(SessionToken);
  if (Version !== 1) throw processError(source, "did not print credentials of Version 1");
  if (
    typeof AccessKeyId !== "string" || typeof SecretAccessKey !== "string" ||
    AccessKeyId === "" || SecretAccessKey === ""
  ) {
    throw processError(source, "printed no AccessKeyId and SecretAccessKey");
  }
  const expiration = typeof Expiration === "string" ? new Date(Expiration) : undefined;
  if (expiration !== undefined && !(expiration > now)) {
    throw processError(source, "printed credentials that have expired");
  }
  return checkedCredentials({
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: typeof SessionToken === "string" ? SessionToken : undefined,
    expiration,
  }, "credential_process");
}

function startsItself({ profile }: CredentialProcess): UserError {
  return usageError(
    "credential-process-loop",
    `the credential_process of profile ${quoteName(profile)} runs ecrin for this profile again`,
    "let it name another one: ecrin env --format process --profile OTHER",
  );
}

function processError({ profile }: CredentialProcess, what: string): UserError {
  return new UserError(`the credential_process of profile ${quoteName(profile)} ${what}`, {
    code: "credential-process",
    exitCode: exitCodes.credentials,
    hint: `run the command that this prints: aws configure get credential_process --profile ${
      shellWord(profile)
    }`,
  });
}
