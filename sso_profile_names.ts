/**
 * The names of profiles for many accounts and roles: unique, the same from run to run, and never
 * that of a profile that is somebody else. Pure.
 *
 * @module
 */

import type { Settings } from "./aws_config.ts";
import { quoteName, usageError } from "./errors.ts";
import type { SsoAccount } from "./sso_accounts.ts";

/** A role of an account, for which there shall be a profile. */
export interface RoleOfAccount {
  readonly account: Pick<SsoAccount, "id" | "name">;
  readonly role: string;
}

/** How {@linkcode nameProfiles} makes names. */
export interface NameOptions {
  readonly session: string;
  readonly prefix: string;
  /** Whether the role is a part of the name: not where there is one role only by choice. */
  readonly withRole: boolean;
  /** The profiles that there are. */
  readonly existing: ReadonlyMap<string, Settings>;
}

/**
 * A name for each role: prefix, account name, role. Where two would have the same name, or a profile
 * of it is another identity, the account's ID stands behind its name. A profile that is the role
 * already keeps its name, so that an account which comes to share its name changes nothing.
 *
 * @returns names in the order of `roles`
 * @throws {UserError} `profile-exists` when both names belong to other identities
 */
export function nameProfiles(roles: readonly RoleOfAccount[], options: NameOptions): string[] {
  const { existing, session } = options;
  const candidates = roles.map((role) => candidatesOf(role, options));
  const wishes = new Map<string, number>();
  for (const name of new Set(candidates.flat())) wishes.set(name, 0);
  for (const names of candidates) {
    for (const name of new Set(names)) wishes.set(name, count(name) + 1);
  }
  return roles.map((role, index) => {
    const names = candidates[index] ?? [];
    const kept = names.find((name) => isProfileOf(existing.get(name), session, role));
    // "default" would make it everybody's
    const free = (name: string) => !existing.has(name) && name !== "default";
    const name = kept ?? names.find((name) => free(name) && count(name) === 1);
    if (name !== undefined) return name;
    throw usageError(
      "profile-exists",
      `there is a profile ${quoteName(names.at(-1) ?? "")} already, which is not ${role.role} ` +
        `of account ${role.account.id}`,
      "choose another beginning of the names: --prefix TEXT",
    );
  });

  function count(name: string): number {
    return wishes.get(name) ?? 0;
  }
}

/** Whether the settings of a profile are those of the role, whatever else they say. */
export function isProfileOf(
  settings: Settings | undefined,
  session: string,
  { account, role }: { readonly account: { readonly id: string }; readonly role: string },
): boolean {
  return settings !== undefined && settings.get("sso_session") === session &&
    settings.get("sso_account_id") === account.id && settings.get("sso_role_name") === role &&
    // these come before SSO
    !settings.has("role_arn") && !settings.has("web_identity_token_file");
}

function candidatesOf(
  { account, role }: RoleOfAccount,
  { prefix, withRole }: NameOptions,
): [string, string] {
  const name = safeName(account.name) || account.id;
  const named = name === account.id ? name : `${name}-${account.id}`;
  const end = withRole ? `-${role.replaceAll(/[=,]/g, "-")}` : "";
  return [`${prefix}${name}${end}`, `${prefix}${named}${end}`];
}

/**
 * `text` in letters, digits and `. _ -`, which every program takes in a name: other letters by those
 * they are made of, whatever else by `-`.
 */
export function safeName(text: string): string {
  const plain = text.normalize("NFKD").replace(/\p{M}+/gu, "");
  return plain.replace(/[^A-Za-z0-9._]+/g, "-").replace(/^[-.]+|[-.]+$/g, "");
}
