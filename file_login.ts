/**
 * `--tool file`: a login without a container tool. The registry itself is asked whether the
 * password is good, then docker's config.json gets it.
 *
 * @module
 */

import { dockerConfigPath, storeLogin } from "./docker_config.ts";
import { exitCodes, UserError } from "./errors.ts";
import { faultOf, type Http, NetworkError } from "./http.ts";
import { explain } from "./messages.ts";
import { scrub, Secret } from "./secret.ts";
import type { System } from "./system.ts";
import type { LoginHost } from "./targets.ts";
import { awsError } from "./aws_errors.ts";

/** What a login to the file needs. */
export interface FileLogin {
  readonly at: LoginHost;
  readonly password: Secret;
  readonly signal: AbortSignal;
  readonly http: Pick<Http, "fetch">;
  /** Takes the lines of `--verbose`. */
  readonly report: (line: string) => void;
}

/** Most of a refusal that is read, in characters. */
const longestAnswer = 4096;

/**
 * Checks the password with the registry and writes it to docker's config.json.
 *
 * @throws {UserError} when the registry refuses it or the file cannot be written; the file is then
 * as it was
 */
export async function loginWithFile(
  { at, password, signal, http, report }: FileLogin,
  { env }: System,
): Promise<void> {
  await checkPassword({ at, password, http, signal });
  report(`${at.host} took the password`);
  const path = dockerConfigPath(env);
  await storeLogin(path, [{ host: at.host, username: "AWS", password }], { report, signal });
  report(`wrote ${path}`);
}

/** What the registry says to a request. */
interface Answer {
  readonly status: number;
  /** Status line and body, scrubbed and cut. */
  readonly said: string;
  readonly body: string;
  /** The `WWW-Authenticate` header. */
  readonly challenge: string;
}

/**
 * `GET /v2/`, which answers 200 to whom it lets in. ECR Public wants a token for the password first.
 * https://distribution.github.io/distribution/spec/api/#api-version-check and .../spec/auth/token
 */
async function checkPassword(
  { at, password, ...by }: Omit<FileLogin, "report">,
): Promise<void> {
  const basic = `Basic ${new Secret(btoa(`AWS:${password.reveal()}`)).reveal()}`;
  const url = `${at.protocol}//${at.host}/v2/`;
  let answer = await ask(url, basic, by);
  const tokenUrl = answer.status === 401 ? tokenService(answer.challenge, at) : undefined;
  if (tokenUrl !== undefined) {
    answer = await ask(tokenUrl, basic, by);
    if (answer.status === 200) {
      const token = readToken(answer.body, at.host);
      answer = await ask(url, `Bearer ${token.reveal()}`, by);
    }
  }
  if (answer.status !== 200) throw refusal(at.host, answer);
}

async function ask(
  url: string,
  authorization: string,
  { http, signal }: Pick<FileLogin, "http" | "signal">,
): Promise<Answer> {
  try {
    const response = await http.fetch(url, { headers: { authorization } });
    const body = await response.text();
    return {
      status: response.status,
      // scrubbed before it is cut, or half a password would be left
      said: scrub(`${response.status} ${response.statusText} ${body}`).slice(0, longestAnswer),
      body,
      challenge: response.headers.get("www-authenticate") ?? "",
    };
  } catch (error) {
    signal.throwIfAborted();
    const { host } = new URL(url);
    // a body that breaks off or stalls is the network's fault too
    const network = error instanceof NetworkError || error instanceof UserError
      ? error
      : new NetworkError(host, faultOf(error), error);
    throw awsError(network, "GET /v2/", { registry: host });
  }
}

/**
 * The URL that a `Bearer` challenge sends to, or `undefined` when it is none. The password goes
 * there, so it has to be the registry itself.
 */
function tokenService(challenge: string, { host, protocol }: LoginHost): string | undefined {
  if (!/^bearer /i.test(challenge)) return undefined;
  const field = (name: string) => challenge.match(new RegExp(`[ ,]${name}="([^"]*)"`, "i"))?.[1];
  const url = URL.parse(field("realm") ?? "");
  if (url?.host !== host || url.protocol !== protocol) return undefined;
  for (const name of ["service", "scope"]) {
    const value = field(name);
    if (value !== undefined) url.searchParams.set(name, value);
  }
  return url.href;
}

function readToken(body: string, host: string): Secret {
  let token: unknown;
  try {
    token = JSON.parse(body)?.token;
  } catch {
    // told below
  }
  if (typeof token === "string" && /^[\x21-\x7e]+$/.test(token)) return new Secret(token);
  throw new UserError(`${host} took the password, and gave no token for it`, {
    code: "registry-failed",
    exitCode: exitCodes.network,
    hint: "try again in a minute",
  });
}

function refusal(host: string, { status, said }: Answer): UserError {
  return explain(said, { registry: host, tool: "ecrin" }) ?? new UserError(
    `${host} answered the login with ${said.slice(0, 200).trim()}`,
    {
      code: "registry-failed",
      exitCode: status >= 500 ? exitCodes.network : exitCodes.tool,
      hint: status >= 500 ? "try again in a minute" : "check that this is the registry you mean",
    },
  );
}
