/**
 * `--tool file`: a login without a container tool. The registry itself is asked whether the
 * password is good, then docker's config.json gets it.
 *
 * @module
 */

import { afterTries, awsError } from "./aws_errors.ts";
import { dockerConfigPath } from "./stores.ts";
import { exitCodes, UserError } from "./errors.ts";
import { faultOf, type Http, NetworkError } from "./http.ts";
import { keepStoredLogins } from "./kept_logins.ts";
import { explain } from "./messages.ts";
import { networkTrouble, retryAfterOf, statusTrouble, withRetries } from "./retry.ts";
import { scrub, Secret } from "./secret.ts";
import type { System } from "./system.ts";
import type { LoginHost } from "./targets.ts";
import { openTogether } from "./together.ts";

/** What logins to the file share. */
export interface FileContext {
  readonly signal: AbortSignal;
  readonly http: Pick<Http, "fetch" | "retries">;
  /** Takes the lines of `--verbose`. */
  readonly report: (line: string) => void;
}

interface Login {
  readonly at: LoginHost;
  readonly password: Secret;
}

/** Most of a refusal that is read, in characters. */
const longestAnswer = 4096;

/** Errors of the file that are about one login: the others can be written. */
const ofOneLogin: ReadonlySet<string> = new Set([
  "credential-store-configured",
  "ecr-login-configured",
]);

/**
 * Opens docker's config.json for logins, any number at once: those that end while it is being
 * written are written together.
 *
 * @returns checks the password with the registry and writes it; throws a {@linkcode UserError} when
 * the registry refuses it or the file cannot be written, which is then as it was
 */
export function openFileLogins(
  context: FileContext,
  { env }: Pick<System, "env">,
): (at: LoginHost, password: Secret) => Promise<void> {
  const { report, signal } = context;
  const path = dockerConfigPath(env);
  const store = openTogether<Login>(
    (logins) => {
      const stored = logins.map(({ at, password }) => ({
        host: at.host,
        username: "AWS",
        password,
      }));
      return keepStoredLogins(path, stored, { report, signal });
    },
    (error) => error instanceof UserError && ofOneLogin.has(error.code),
  );
  return async (at, password) => {
    await checkPassword({ at, password }, context);
    report(`${at.host} took the password`);
    await store({ at, password });
    report(`wrote ${path}`);
  };
}

/** What the registry says to a request. */
interface Answer {
  readonly status: number;
  /** Status line and body, scrubbed and cut. */
  readonly said: string;
  readonly body: string;
  /** The `WWW-Authenticate` header. */
  readonly challenge: string;
  /** Milliseconds that the registry wants to be left alone. */
  readonly retryAfter: number | undefined;
  /** How often it was asked. */
  readonly tried: number;
}

/**
 * `GET /v2/`, which answers 200 to whom it lets in. ECR Public wants a token for the password first.
 * https://distribution.github.io/distribution/spec/api/#api-version-check and .../spec/auth/token
 */
async function checkPassword({ at, password }: Login, by: FileContext): Promise<void> {
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
  { http, signal }: Pick<FileContext, "http" | "signal">,
): Promise<Answer> {
  const { host } = new URL(url);
  const { answer, tried } = await withRetries(
    http.retries,
    () => askOnce(url, authorization, { http, signal }),
    (answer) =>
      answer instanceof NetworkError
        ? { trouble: networkTrouble(answer.fault), said: answer.message }
        : {
          trouble: statusTrouble(answer.status),
          said: `${host} answered ${answer.status}`,
          retryAfter: answer.retryAfter,
        },
  );
  if (!(answer instanceof NetworkError)) return { ...answer, tried };
  const error = awsError(answer, "GET /v2/", { registry: host });
  throw error instanceof UserError ? afterTries(error, tried) : error;
}

async function askOnce(
  url: string,
  authorization: string,
  { http, signal }: Pick<FileContext, "http" | "signal">,
): Promise<Omit<Answer, "tried"> | NetworkError> {
  try {
    const response = await http.fetch(url, { headers: { authorization } });
    const body = await response.text();
    return {
      status: response.status,
      // scrubbed before it is cut, or half a password would be left
      said: scrub(`${response.status} ${response.statusText} ${body}`).slice(0, longestAnswer),
      body,
      challenge: response.headers.get("www-authenticate") ?? "",
      retryAfter: retryAfterOf(response.headers.get("retry-after"), new Date()),
    };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof UserError) throw error;
    // a body that breaks off or stalls is the network's fault too
    return error instanceof NetworkError
      ? error
      : new NetworkError(new URL(url).host, faultOf(error), error);
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

function refusal(host: string, { status, said, tried }: Answer): UserError {
  const error = explain(said, { registry: host, tool: "ecrin" }) ?? new UserError(
    `${host} answered the login with ${said.slice(0, 200).trim()}`,
    {
      code: "registry-failed",
      exitCode: status >= 500 ? exitCodes.network : exitCodes.tool,
      hint: status >= 500 ? "try again in a minute" : "check that this is the registry you mean",
    },
  );
  return afterTries(error, tried);
}
