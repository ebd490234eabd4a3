/**
 * `--tool file`: a login without a container tool. The registry itself is asked whether the
 * password is good, then docker's config.json gets it.
 *
 * @module
 */

import { dockerConfigPath, storeLogin } from "./docker_config.ts";
import { exitCodes, UserError } from "./errors.ts";
import { type Http, NetworkError } from "./http.ts";
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
  await checkPassword(at, password, http);
  report(`${at.host} took the password`);
  const path = dockerConfigPath(env);
  await storeLogin(path, [{ host: at.host, username: "AWS", password }], { report, signal });
  report(`wrote ${path}`);
}

/**
 * `GET /v2/`, which answers 200 to whom it lets in:
 * https://distribution.github.io/distribution/spec/api/#api-version-check
 */
async function checkPassword(
  { host, protocol }: LoginHost,
  password: Secret,
  http: Pick<Http, "fetch">,
): Promise<void> {
  const basic = new Secret(btoa(`AWS:${password.reveal()}`));
  let response: Response;
  let said: string;
  try {
    response = await http.fetch(`${protocol}//${host}/v2/`, {
      headers: { authorization: `Basic ${basic.reveal()}` },
    });
    said = (await response.text()).slice(0, longestAnswer);
  } catch (error) {
    if (error instanceof NetworkError) throw awsError(error, "GET /v2/", { registry: host });
    throw error;
  }
  if (response.status === 200) return;
  const answer = `${response.status} ${response.statusText} ${said}`;
  throw explain(answer, { registry: host, tool: "ecrin" }) ?? new UserError(
    `${host} answered ${response.status} to the login: ${scrub(said.slice(0, 200)).trim()}`,
    {
      code: "registry-failed",
      exitCode: response.status >= 500 ? exitCodes.network : exitCodes.tool,
      hint: response.status >= 500
        ? "try again in a minute"
        : "check that this is the registry you mean",
    },
  );
}
