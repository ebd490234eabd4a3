/**
 * Logins with a program, several at once, and again where the registry or the way to it failed.
 *
 * @module
 */

import { afterTries } from "./aws_errors.ts";
import { loginWithProgram, type ProgramLogin } from "./docker.ts";
import type { InstalledTool } from "./installed_tools.ts";
import { UserError } from "./errors.ts";
import type { Pool } from "./pool.ts";
import type { Retries, Trouble } from "./retry.ts";
import type { System } from "./system.ts";

/** What logins with programs share. */
export interface Programs {
  /** Bounds how many run at once. */
  readonly pool: Pool;
  readonly retries: Retries;
}

/**
 * Logs a program in to a registry.
 *
 * @throws {UserError} as {@linkcode loginWithProgram} does
 */
export async function loginInTurn(
  tool: InstalledTool,
  login: ProgramLogin,
  { pool, retries, system }: Programs & { readonly system: System },
): Promise<void> {
  for (let tried = 1;; tried++) {
    try {
      await pool(() => {
        login.signal.throwIfAborted();
        return loginWithProgram(tool, login, system);
      });
      return retries.succeeded(login);
    } catch (error) {
      login.signal.throwIfAborted();
      if (!(error instanceof UserError)) throw error;
      const trouble = programTrouble(error);
      const again = trouble !== undefined &&
        await retries.again(login, trouble, { tried, said: error.message });
      if (again) continue;
      retries.succeeded(login);
      throw afterTries(error, tried);
    }
  }
}

/** What a program's words say of the way to the registry, in order; undefined: another try is vain. */
const unreachable: readonly (readonly [RegExp, Trouble | undefined])[] = [
  [/no such host|server misbehaving|proxyconnect/i, undefined],
  [/connection refused/i, "refused"],
  [/timeout|deadline exceeded/i, "timeout"],
  [/reset|\bEOF|broken pipe/i, "closed"],
];

/** The trouble that a failed login was, if another try may mend it. */
function programTrouble({ code, cause }: UserError): Trouble | undefined {
  const said = typeof cause === "string" ? cause : "";
  switch (code) {
    case "throttled":
      // podman and its family have tried five times themselves before they say that
      return /too many requests to registry/i.test(said) ? undefined : "throttled";
    case "registry-failed":
      return "failing";
    case "registry-unreachable": {
      const known = unreachable.find(([pattern]) => pattern.test(said));
      return known === undefined ? "unreachable" : known[1];
    }
    default:
      return undefined;
  }
}
