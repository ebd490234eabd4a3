/**
 * Credential stores that docker reaches through a program, `docker-credential-NAME`: the caller's
 * side of its protocol. An argument says what to do, stdin has the server, stdout the answer; an
 * error is on stdout too, with exit code 1.
 *
 * ```ts
 * const pass = openCredentialStore("pass", { system, signal });
 * (await pass.get("public.ecr.aws"))?.username; // "AWS"
 * ```
 *
 * The protocol is that of docker-credential-helpers/client and /credentials.
 *
 * @module
 */

import { withoutSecrets } from "./secret_variables.ts";
import type { StoredLogin } from "./docker_config.ts";
import { exitCodes, quote, shellWord, UserError } from "./errors.ts";
import { explain } from "./messages.ts";
import { runProgram } from "./process.ts";
import { scrub, Secret } from "./secret.ts";
import type { System } from "./system.ts";
import { findProgram } from "./tools.ts";

/** A store behind a credential helper. Every function throws a UserError (exit code 3). */
export interface CredentialStore {
  /** The servers that it has logins for, as they were stored: hosts, or URLs. */
  readonly list: () => Promise<string[]>;
  /** The login for `server`; undefined when it has none. */
  readonly get: (server: string) => Promise<StoredLogin | undefined>;
  /** Forgets the login for `server`. None being there is no error. */
  readonly erase: (server: string) => Promise<void>;
}

/** What a helper is run with. */
export interface HelperContext {
  readonly system: Pick<System, "env" | "os" | "isFile">;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** The tool whose config names the store, for errors: `"docker"`. */
  readonly tool?: string;
}

/** What a helper says instead of failing: credentials/error.go of docker-credential-helpers. */
const notFound = "credentials not found in native keychain";

/** The store `name`. Nothing is run, and nothing checked, before it is asked. */
export function openCredentialStore(name: string, context: HelperContext): CredentialStore {
  const { system, signal, tool = "docker" } = context;
  const program = `docker-credential-${name}`;

  return {
    list: async () => {
      const fields = parse(await ask("list", "unused"), "list");
      return Object.keys(fields);
    },
    get: async (server) => {
      const said = await askFor("get", server);
      if (said === undefined) return undefined;
      const { Username: username, Secret: secret } = parse(said, "get");
      if (typeof username !== "string" || typeof secret !== "string") throw unreadable("get");
      return { host: server, username, password: new Secret(secret) };
    },
    erase: async (server) => {
      await askFor("erase", server);
    },
  };

  /** Undefined when there is no login for `server`. */
  async function askFor(action: "get" | "erase", server: string): Promise<string | undefined> {
    try {
      return await ask(action, server);
    } catch (error) {
      if (error instanceof NotFound) return undefined;
      throw error;
    }
  }

  async function ask(action: string, input: string): Promise<string> {
    // as a part of a path the name would lead anywhere
    const path = /^[\w.-]+$/.test(name) ? findProgram(program, system) : undefined;
    if (path === undefined) throw missing();
    const { code, stdout, stderr } = await runProgram([path, action], {
      env: withoutSecrets(system.env),
      stdin: input,
      signal,
    });
    if (code === 0) return stdout;
    // what looks like an answer may hold the password all the same
    const printed = action === "get" && /[{}]/.test(stdout) ? "" : stdout;
    const said = scrub(`${printed}\n${stderr}`.trim());
    if (stdout.trim() === notFound) throw new NotFound();
    const registry = action === "list" ? undefined : input;
    throw explain(said, { registry, tool }) ?? new UserError(
      `the credential store ${name} failed to ${action}: ${said.split("\n")[0] || `exit ${code}`}`,
      {
        code: "credential-store-failed",
        exitCode: exitCodes.tool,
        // get would print the password
        hint: action === "erase"
          ? `try: echo ${shellWord(input)} | ${program} erase`
          : `try: echo unused | ${program} list`,
      },
    );
  }

  function missing(): UserError {
    return new UserError(
      `${tool} is set to use the credential store ${quote(name)}, which is not installed`,
      {
        code: "credential-store-missing",
        exitCode: exitCodes.tool,
        hint: `install ${program}, or take it out of credsStore and credHelpers`,
      },
    );
  }

  function parse(said: string, action: string): Record<string, unknown> {
    let fields: unknown;
    try {
      fields = JSON.parse(said);
    } catch {
      throw unreadable(action); // it may hold a password: not shown
    }
    // Go's encoding/json writes an empty map that was never made as null
    if (fields === null && action === "list") return {};
    if (typeof fields !== "object" || fields === null || Array.isArray(fields)) {
      throw unreadable(action);
    }
    return { ...fields };
  }

  function unreadable(action: string): UserError {
    return new UserError(`the credential store ${name} answered ${action} with something else`, {
      code: "credential-store-failed",
      exitCode: exitCodes.tool,
      hint: `check what ${program} is: it does not follow docker's protocol`,
    });
  }
}

/** The helper has no login for the server. */
class NotFound extends Error {}
