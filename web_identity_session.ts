/**
 * From a web identity to a role session: gets the token, and assumes the first role with it.
 *
 * @module
 */

import { expandPath } from "./aws_config.ts";
import { afterTries, awsError } from "./aws_errors.ts";
import { type AwsCredentials, checkedCredentials, stsRegion } from "./clients.ts";
import { loadCredentialProviders } from "./deps.ts";
import { exitCodes, quote, UserError } from "./errors.ts";
import { faultOf, NetworkError } from "./http.ts";
import { lastLine, runProgram } from "./process.ts";
import type { Hop } from "./profiles.ts";
import { networkTrouble, statusTrouble, triesOf, type Trouble, withRetries } from "./retry.ts";
import { conceal, type Secret } from "./secret.ts";
import type { SourceContext } from "./sources.ts";
import { sourceLine } from "./story.ts";
import { parseToken, type WebToken, type WebTokenSource } from "./web_identity.ts";

/**
 * For how long a token is used for further roles, in milliseconds. The shortest-lived, GitHub's,
 * lasts five minutes.
 */
const tokenUse = 120_000;

/** Tokens by their source, of which a run has one: it serves the role in every account. */
const tokens = new WeakMap<
  WebTokenSource,
  { readonly got: number; readonly token: Promise<Secret> }
>();

/**
 * Assumes a role with a web identity.
 *
 * @returns the credentials, and the region of the STS that gave them
 * @throws {UserError} when there is no token, or AWS does not take it
 */
export async function assumeWithWebIdentity(
  source: WebTokenSource,
  hop: Hop,
  context: SourceContext,
): Promise<{ credentials: AwsCredentials; region: string }> {
  const { clients, region, settings, defaultSessionName } = context;
  const sts = stsRegion(hop.roleArn, [hop.region, region, settings.region]);
  const name = hop.sessionName ?? defaultSessionName;
  const token = await currentToken(source, context);
  const { fromWebToken } = await loadCredentialProviders();
  const provider = fromWebToken({
    roleArn: hop.roleArn,
    roleSessionName: name,
    webIdentityToken: token.reveal(),
    ...(hop.durationSeconds === undefined ? {} : { durationSeconds: hop.durationSeconds }),
    clientConfig: await clients.of("sts", sts) as never,
  });
  try {
    const credentials = checkedCredentials(await provider(), "AssumeRoleWithWebIdentity");
    return { credentials, region: sts };
  } catch (error) {
    throw awsError(error, `AssumeRoleWithWebIdentity ${hop.roleArn}`, {
      identity: source.name,
      role: hop.roleArn,
    });
  }
}

function currentToken(source: WebTokenSource, context: SourceContext): Promise<Secret> {
  const now = context.system.now().getTime();
  const held = tokens.get(source);
  if (held !== undefined && now - held.got < tokenUse) return held.token;
  if (held === undefined) context.report(sourceLine({ ...source, expiresAt: undefined }));
  const token = getToken(source.token, source.name, context);
  tokens.set(source, { got: now, token });
  return token;
}

async function getToken(token: WebToken, name: string, context: SourceContext): Promise<Secret> {
  switch (token.from) {
    case "variable":
      return token.value;
    case "file":
      return await fileToken(token.path, context);
    case "program":
      return await programToken(token.argv, context);
    case "endpoint":
      return await endpointToken(token, name, context);
  }
}

async function fileToken(path: string, { system }: SourceContext): Promise<Secret> {
  const expanded = expandPath(path, system.env);
  const text = await system.readTextFile(expanded).catch((cause: unknown) => {
    throw new UserError(`cannot read the web identity token ${quote(expanded)}`, {
      code: "web-identity-token-unreadable",
      exitCode: exitCodes.credentials,
      hint: "check the path in --web-identity file:PATH, and who may read the file",
      cause,
    });
  });
  return parseToken(text, `the file ${quote(expanded)}`);
}

async function programToken(
  argv: readonly string[],
  { system, signal }: SourceContext,
): Promise<Secret> {
  const [program = ""] = argv;
  const { code, stdout, stderr } = await runProgram(argv, { env: system.env, signal });
  if (code === 0) return parseToken(stdout, `the output of ${program}`);
  // it may have got as far as the token
  for (const [jwt] of `${stdout}\n${stderr}`.matchAll(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g)) conceal(jwt);
  const said = lastLine(stderr);
  throw new UserError(
    code === 127
      ? `${program}, which gives the job its web identity token, is not on PATH`
      : `${program} gave no web identity token (exit code ${code})${said && `: ${said}`}`,
    {
      code: "web-identity-program",
      exitCode: exitCodes.credentials,
      hint: code === 127
        ? `put ${program} on PATH, or get a token elsewhere and name it: --web-identity env:NAME`
        : `run: ${argv.join(" ")}`,
    },
  );
}

/** Status and body of an answer, or why there was none. */
type Answer = { readonly status: number; readonly text: string } | NetworkError;

async function endpointToken(
  endpoint: Extract<WebToken, { from: "endpoint" }>,
  name: string,
  context: SourceContext,
): Promise<Secret> {
  const { answer, tried } = await withRetries(
    context.http.retries,
    () => ask(endpoint, context),
    (answer) => ({ trouble: troubleOf(answer), said: `${told(answer)} for ${name}` }),
  );
  if (answer instanceof NetworkError) {
    const error = awsError(answer, "getting a token", {});
    throw error instanceof UserError ? afterTries(error, tried) : error;
  }
  if (answer.status === 200) return tokenOf(answer.text, endpoint);
  const passing = troubleOf(answer) !== undefined;
  const refused = answer.status === 401 || answer.status === 403;
  throw new UserError(
    `${told(answer)} when asked for ${name}${triesOf(tried)}`,
    {
      code: refused ? "web-identity-refused" : "web-identity-endpoint",
      exitCode: refused ? exitCodes.credentials : exitCodes.network,
      hint: passing
        ? "try again in a minute"
        : refused
        ? "ACTIONS_ID_TOKEN_REQUEST_TOKEN holds only in its own job, while that runs"
        : "leave ACTIONS_ID_TOKEN_REQUEST_URL as the runner sets it; check HTTPS_PROXY",
    },
  );
}

async function ask(
  { url, bearer }: Extract<WebToken, { from: "endpoint" }>,
  { http: { fetch }, signal }: SourceContext,
): Promise<Answer> {
  try {
    const response = await fetch(url, {
      headers: { authorization: `bearer ${bearer.reveal()}`, accept: "application/json" },
    });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof NetworkError) return error;
    // the body broke off
    if (error instanceof UserError || !(error instanceof Error)) throw error;
    return new NetworkError(new URL(url).host, faultOf(error), error);
  }
}

/** What another try may mend. */
function troubleOf(answer: Answer): Trouble | undefined {
  if (answer instanceof NetworkError) return networkTrouble(answer.fault);
  return statusTrouble(answer.status);
}

function told(answer: Answer): string {
  return answer instanceof NetworkError
    ? answer.message
    : `the token endpoint answered ${answer.status}`;
}

function tokenOf(text: string, { url }: { readonly url: string }): Secret {
  let value: unknown;
  try {
    ({ value } = JSON.parse(text) ?? {});
  } catch {
    // told below
  }
  if (typeof value === "string") return parseToken(value, "the token endpoint's answer");
  throw new UserError(`the token endpoint ${quote(new URL(url).host)} answered without a token`, {
    code: "unreadable-answer",
    exitCode: exitCodes.network,
    hint: "something may answer in the CI platform's place: check HTTPS_PROXY and the network",
  });
}
