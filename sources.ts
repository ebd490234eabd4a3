/**
 * The sources of first credentials: one function a kind, each a single step of the SDK's providers
 * or of our own.
 *
 * @module
 */

import { type Env, expandPath } from "./aws_config.ts";
import { awsError } from "./aws_errors.ts";
import { type AwsCredentials, checkedCredentials, stsRegion } from "./clients.ts";
import { loadCredentialProviders } from "./deps.ts";
import { exitCodes, quoteName, shellWord, usageError, UserError } from "./errors.ts";
import type { Http } from "./http.ts";
import { instanceCredentials, silent } from "./instance.ts";
import type { Source, WebIdentitySource } from "./profiles.ts";
import { conceal } from "./secret.ts";
import { sessionLabel, signInCommand } from "./sso_errors.ts";
import type { AwsSettings } from "./settings.ts";
import type { SsoContext } from "./sso_context.ts";

/** What getting first credentials may touch. */
export interface SourceContext extends SsoContext {
  readonly settings: AwsSettings;
  readonly http: Pick<Http, "fetch" | "retries">;
  /** Region of what is logged in to. */
  readonly region: string | undefined;
  readonly defaultSessionName: string;
}

/** How a person calls a source, and what renews its credentials. */
export function describeSource(source: Source): { name: string; renew: string | undefined } {
  const of = source.profile === undefined ? "" : ` of profile ${quoteName(source.profile)}`;
  switch (source.kind) {
    case "environment":
      return {
        name: `the keys in the environment`,
        renew:
          "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN anew, or unset them",
      };
    case "static":
      return { name: `profile ${quoteName(source.profile)}`, renew: undefined };
    case "process":
      return { name: `the credential_process${of}`, renew: "run what it needs to sign in again" };
    case "login":
      return {
        name: `the login session${of}`,
        renew: `run: aws login --profile ${shellWord(source.profile)}`,
      };
    case "sso":
      return {
        name: `${sessionLabel(source)} (${source.account}/${source.role})`,
        renew: signInCommand(source),
      };
    case "web-identity":
      return { name: `${source.roleArn} (web identity${of})`, renew: undefined };
    case "web-token":
      return { name: source.name, renew: undefined };
    case "container":
      return { name: `the container's role`, renew: undefined };
    case "instance":
      return { name: `the instance's role`, renew: undefined };
  }
}

/**
 * The first credentials.
 *
 * @throws {UserError} when the source gives none
 */
export async function sourceCredentials(
  source: Source,
  context: SourceContext,
): Promise<AwsCredentials> {
  const { system } = context;
  switch (source.kind) {
    case "static":
      return checkedCredentials({
        accessKeyId: source.accessKeyId,
        secretAccessKey: source.secretAccessKey.reveal(),
        sessionToken: source.sessionToken?.reveal(),
      }, "reading the profile");
    case "environment":
      return environmentCredentials(system.env);
    case "process": {
      const { processCredentials } = await import("./credential_process.ts");
      return await processCredentials(source, context);
    }
    case "sso": {
      const { ssoCredentials } = await import("./sso.ts");
      return await ssoCredentials(source, context);
    }
    case "instance":
      return await instanceCredentials(system, source);
    case "login": {
      const { loginCredentials } = await import("./login_session.ts");
      return await loginCredentials(source, describeSource(source), context);
    }
    case "web-identity":
    case "container":
      return await fromProvider(source, context);
    case "web-token":
      throw usageError("role-needed", `${source.name} needs a role`, "add: --role NAME");
  }
}

function environmentCredentials(env: Env): AwsCredentials {
  return checkedCredentials({
    accessKeyId: env.AWS_ACCESS_KEY_ID,
    secretAccessKey: env.AWS_SECRET_ACCESS_KEY,
    // the old name, which botocore reads too; beside long-lived keys it is a leftover of others
    sessionToken: env.AWS_SESSION_TOKEN ||
      (env.AWS_ACCESS_KEY_ID?.startsWith("AKIA") ? undefined : env.AWS_SECURITY_TOKEN),
  }, "reading the environment");
}

/** The sources for which a provider of the SDK is the whole step. */
async function fromProvider(
  source: Extract<Source, { kind: "web-identity" | "container" }>,
  context: SourceContext,
): Promise<AwsCredentials> {
  const { name, renew } = describeSource(source);
  const providers = await loadCredentialProviders();
  try {
    switch (source.kind) {
      case "web-identity":
        return checkedCredentials(
          await providers.fromWebToken(await webIdentity(source, context))(),
          "AssumeRoleWithWebIdentity",
        );
      case "container":
        return checkedCredentials(
          await providers.fromHttp({ timeout: 1000, maxRetries: 1, logger: silent })(),
          "the container's credentials",
        );
    }
  } catch (error) {
    if (source.kind === "container") throw containerError(error);
    throw awsError(error, name, { identity: name, renew });
  }
}

type WebTokenInit = Parameters<
  Awaited<ReturnType<typeof loadCredentialProviders>>["fromWebToken"]
>[0];

async function webIdentity(
  source: WebIdentitySource,
  context: SourceContext,
): Promise<WebTokenInit> {
  const { system, clients, region, settings, defaultSessionName } = context;
  const path = expandPath(source.tokenFile, system.env);
  const token = await system.readTextFile(path).catch((cause: unknown) => {
    throw new UserError(`cannot read the web identity token ${path}`, {
      code: "web-identity-token-unreadable",
      exitCode: exitCodes.credentials,
      hint: "check AWS_WEB_IDENTITY_TOKEN_FILE, or web_identity_token_file in the profile",
      cause,
    });
  });
  conceal(token);
  const sts = stsRegion(source.roleArn, [region, settings.region]);
  return {
    roleArn: source.roleArn,
    webIdentityToken: token.trim(),
    roleSessionName: source.sessionName ?? defaultSessionName,
    ...(source.durationSeconds === undefined ? {} : { durationSeconds: source.durationSeconds }),
    clientConfig: await clients.of("sts", sts) as never,
  };
}

function containerError(cause: unknown): UserError {
  return new UserError("the container's credentials endpoint gave no credentials", {
    code: "container-credentials",
    exitCode: exitCodes.credentials,
    hint:
      "check that the task or pod has a role, and AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI",
    cause,
  });
}
