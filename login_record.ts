/**
 * A stored login as `ecrin status` and `ecrin logout` show it: to programs and to people.
 *
 * @module
 */

import type { EcrLogin } from "./stored_logins.ts";
import { shortPath, type StoreTool } from "./stores.ts";
import type { System } from "./system.ts";
import { findProgram } from "./tools.ts";

/** A stored login in `--json`. */
export interface StoredLoginRecord {
  /** Host. */
  readonly registry: string;
  /** `null` for ECR Public. */
  readonly account: string | null;
  readonly region: string;
  readonly public: boolean;
  /** Every tool that uses the file, installed or not. */
  readonly tools: readonly string[];
  /** Path of the file. */
  readonly store: string;
  /** NAME of the credential helper behind the file, `docker-credential-NAME`. */
  readonly helper: string | null;
  /** ISO 8601; `null` when the password does not tell. */
  readonly expiresAt: string | null;
  /** `null` when that is not known. */
  readonly expired: boolean | null;
}

/** The record of a login. */
export function storedLoginRecord(login: EcrLogin, now: Date): StoredLoginRecord {
  const { registry, file, helper, expiresAt, state } = login;
  return {
    registry: registry.host,
    account: registry.account ?? null,
    region: registry.region,
    public: registry.public,
    tools: file.tools,
    store: file.path,
    helper: helper ?? null,
    expiresAt: expiresAt?.toISOString() ?? null,
    expired: state === "amazon" ? false : expiresAt === undefined ? null : hasExpired(login, now),
  };
}

/** Whether a login is known to have run out. */
export function hasExpired({ expiresAt }: Pick<EcrLogin, "expiresAt">, now: Date): boolean {
  return expiresAt !== undefined && expiresAt.getTime() <= now.getTime();
}

/** The tools that use a login's file as people see them: the installed ones, else the first. */
export function toolsShown({ file }: Pick<EcrLogin, "file">, system: System): string {
  const installed = file.tools.filter((tool) => findProgram(tool, system) !== undefined);
  const shown: readonly StoreTool[] = installed.length > 0 ? installed : file.tools.slice(0, 1);
  return shown.join(",");
}

/** Where a login is kept, as people see it: a credential store, or a file. */
export function storeShown({ file, helper }: EcrLogin, system: System): string {
  return helper ?? shortPath(file.path, system);
}
