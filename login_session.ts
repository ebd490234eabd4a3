/**
 * The session of `aws login`, which the SDK's provider reads from the AWS CLI's files and renews.
 *
 * @module
 */

import { awsError } from "./aws_errors.ts";
import { type AwsCredentials, checkedCredentials, type ClientSettings } from "./clients.ts";
import { loadCredentialProviders } from "./deps.ts";
import { exitCodes, usageError, UserError } from "./errors.ts";
import type { LoginSource } from "./profiles.ts";
import { scrub } from "./secret.ts";

/**
 * The credentials of a session.
 *
 * @param description how a person calls the session, and what renews it
 * @throws {UserError} when nobody is signed in, or the session cannot be renewed
 */
export async function loginCredentials(
  source: LoginSource,
  { name, renew }: { readonly name: string; readonly renew: string | undefined },
  { clients }: { readonly clients: ClientSettings },
): Promise<AwsCredentials> {
  const { fromLoginCredentials } = await loadCredentialProviders();
  await using file = await profileFile(source);
  // its region and endpoint are those of the session, which the provider finds out
  const { requestHandler } = await clients.of("sts", "us-east-1");
  try {
    const provider = fromLoginCredentials({
      profile: plainName,
      configFilepath: file.path,
      filepath: file.path,
      clientConfig: { requestHandler },
    });
    return checkedCredentials(await provider(), "the login session");
  } catch (error) {
    throw loginError(error, name, renew);
  }
}

const plainName = "session";

/**
 * A config file with the profile alone, under a name that the SDK's parser takes: it drops sections
 * whose names have spaces.
 */
async function profileFile(
  { loginSession, region }: LoginSource,
): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempFile({ prefix: "ecrin-", suffix: ".ini" })
    .catch((error: unknown) => {
      throw usageError(
        "no-temporary-file",
        "cannot make a file in the temporary folder, which a login session needs",
        "set TMPDIR to a folder that can be written to",
        error,
      );
    });
  const settings = [`login_session = ${loginSession}`, ...(region ? [`region = ${region}`] : [])];
  await Deno.writeTextFile(path, `[profile ${plainName}]\n${settings.join("\n")}\n`);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path) };
}

/** What the provider of login sessions says in one class of error and many sentences. */
function loginError(error: unknown, name: string, renew: string | undefined): unknown {
  if (!(error instanceof Error) || error.name !== "CredentialsProviderError") {
    return awsError(error, name, { identity: name, renew });
  }
  const { message } = error;
  const problem = message.startsWith("Failed to load token")
    ? "is not signed in"
    : message.startsWith("Your session has expired")
    ? "has expired"
    : `could not be renewed: ${scrub(message)}`;
  return new UserError(`${name} ${problem}`, {
    code: "login-session",
    exitCode: exitCodes.credentials,
    hint: renew,
    cause: error,
  });
}
