/**
 * The profiles that `ecrin sso configure` is to write: one, asked for piece by piece, or one for every
 * account and role.
 *
 * @module
 */

import type { AwsConfig, Settings } from "./aws_config.ts";
import { parseSectionName, type WantedSection } from "./aws_config_edit.ts";
import { exitCodes, quoteName, usageError, UserError } from "./errors.ts";
import { parseRegion } from "./partition.ts";
import type { Questions } from "./questions.ts";
import type { AccountRoles, SsoAccount, SsoDirectory } from "./sso_accounts.ts";
import { type ConfigureOptions, flagNeeded } from "./sso_configure_options.ts";
import { isProfileOf, nameProfiles, type RoleOfAccount } from "./sso_profile_names.ts";
import type { Terminal } from "./terminal.ts";

/** A profile of the run. */
export interface PlannedProfile extends RoleOfAccount {
  readonly name: string;
  readonly region: string | undefined;
  /** Its section; undefined when it is in the config file as it shall be. */
  readonly wanted: WantedSection | undefined;
}

/** What planning works with. */
export interface PlanContext {
  /** Name of the session. */
  readonly session: string;
  readonly config: AwsConfig;
  readonly terminal: Terminal;
  /** Signs in and lists the accounts. */
  readonly open: () => Promise<{ directory: SsoDirectory; accounts: SsoAccount[] }>;
}

/**
 * The one profile of the options. With account and role given nothing is asked of AWS.
 *
 * @param questions undefined: nobody can be asked
 */
export async function singleProfile(
  options: ConfigureOptions,
  questions: Questions | undefined,
  context: PlanContext,
): Promise<PlannedProfile> {
  if (questions === undefined) {
    // all that is missing before the first request
    if (options.account === undefined) throw flagNeeded("account ID", "the account");
    if (options.role === undefined) throw flagNeeded("sso-role NAME", "the role");
    if (options.profile === undefined) throw flagNeeded("profile NAME", "the profile's name");
  }
  const role = await chooseRole(options, questions, context);
  const parse = (text: string) => checkedName(parseSectionName(text), role, context);
  const name = options.profile !== undefined
    ? checkedName(options.profile, role, { ...context, asking: questions !== undefined })
    : await questions?.text("name of the profile", {
      preset: `${role.role}-${role.account.id}`,
      parse,
    }) ?? "";
  const existing = context.config.profiles.get(name)?.get("region");
  const region = options.region ?? await questions?.text("region of the profile (empty: none)", {
    preset: existing,
    parse: (text) => text === "" ? undefined : parseRegion(text),
  });
  return { ...role, name, region, wanted: profileSection(name, role, { ...context, region }) };
}

/**
 * A profile for every account and role that the options leave. An account that has none is told in a
 * warning.
 */
export async function allProfiles(
  { region }: ConfigureOptions,
  { prefix, role: only, accounts: ids }: NonNullable<ConfigureOptions["all"]>,
  context: PlanContext,
): Promise<PlannedProfile[]> {
  const { session, terminal, config } = context;
  const { directory, accounts } = await context.open();
  const missing = ids.find((id) => accounts.every((account) => account.id !== id));
  if (missing !== undefined) throw notAssigned(`the account ${missing}`);
  const chosen = accounts.filter(({ id }) => ids.length === 0 || ids.includes(id));
  const found = await terminal.during(
    `listing the roles of ${chosen.length} accounts`,
    directory.rolesOfAll(chosen),
  );
  for (const answer of found) warnOfNone(answer, only, terminal);
  const roles = found.flatMap(({ account, roles }) =>
    roles.filter((role) => role === (only ?? role)).map((role) => ({ account, role }))
  );
  if (roles.length === 0) throw notAssigned(only === undefined ? "no role" : `the role ${only}`);
  const names = nameProfiles(roles, {
    ...{ session, prefix, withRole: only === undefined },
    existing: config.profiles,
  });
  return roles.map((role, index) => {
    const name = names[index] ?? "";
    // a region that somebody chose for one of them stays
    const own = config.profiles.get(name)?.get("region") ?? region;
    return {
      ...{ ...role, name, region: own },
      wanted: profileSection(name, role, { ...context, region: own }),
    };
  });
}

function warnOfNone(
  { account, roles, refused }: AccountRoles,
  only: string | undefined,
  terminal: Terminal,
): void {
  if (refused) {
    terminal.warn(`no access to ${accountLabel(account)}: it gets no profile`);
  } else if (roles.length === 0) {
    terminal.warn(`no role in ${accountLabel(account)}: it gets no profile`);
  } else if (only !== undefined && !roles.includes(only)) {
    terminal.detail(`${accountLabel(account)} has no role ${only}`);
  }
}

async function chooseRole(
  { account: id, role }: ConfigureOptions,
  questions: Questions | undefined,
  { terminal, open }: PlanContext,
): Promise<RoleOfAccount> {
  if (id !== undefined && role !== undefined) return { account: { id, name: "" }, role };
  if (questions === undefined) throw new Error("nobody can be asked");
  const { directory, accounts } = await open();
  const account = id === undefined
    ? await chosen("account", accounts, accountLabel)
    : accounts.find((account) => account.id === id);
  if (account === undefined) throw notAssigned(id === undefined ? "no account" : `account ${id}`);
  if (role !== undefined) return { account, role };
  const { roles } = await terminal.during("listing the roles", directory.rolesOf(account));
  const name = await chosen("role", roles, (role) => role);
  if (name === undefined) throw notAssigned(`no role in account ${account.id}`);
  return { account, role: name };

  async function chosen<T>(
    what: string,
    items: readonly T[],
    label: (item: T) => string,
  ): Promise<T | undefined> {
    const [first, ...others] = items;
    const item = first === undefined || others.length === 0
      ? first
      : items[await questions?.choice(what, items.map(label)) ?? 0];
    if (item !== undefined) {
      terminal.say(`${what}: ${label(item)}${others.length === 0 ? ", the only one" : ""}`);
    }
    return item;
  }
}

/** `blog (222222222222, blog@example.com)`. */
function accountLabel({ id, name, email }: SsoAccount): string {
  return name === "" ? id : `${name} (${[id, email].filter((text) => text !== "").join(", ")})`;
}

/** The section of a profile, without what it has already; undefined when that is all. */
function profileSection(
  name: string,
  { account, role }: RoleOfAccount,
  { session, config, region }: {
    readonly session: string;
    readonly config: AwsConfig;
    readonly region: string | undefined;
  },
): WantedSection | undefined {
  const settings = new Map([
    ["sso_session", session],
    ["sso_account_id", account.id],
    ["sso_role_name", role],
  ]);
  if (region !== undefined) settings.set("region", region);
  const existing = config.byFile.config.get(name);
  const same = [...settings].every(([key, value]) => existing?.get(key) === value);
  return same ? undefined : { kind: "profile", name, settings };
}

/** Settings with which a profile is somebody without, or before, a session of SSO. */
const otherIdentities = [
  "role_arn",
  "source_profile",
  "credential_source",
  "web_identity_token_file",
  "aws_access_key_id",
  "credential_process",
  "login_session",
  "sso_start_url",
];

/**
 * A name whose profile may be written: there is none of it, it is that role, or it is no identity. A
 * person who is shown the change may make another role of their profile of SSO.
 */
function checkedName(
  name: string,
  role: RoleOfAccount,
  { session, config, asking = true }: PlanContext & { readonly asking?: boolean },
): string {
  const existing = config.profiles.get(name);
  if (existing === undefined || isProfileOf(existing, session, role)) return name;
  const other = otherIdentities.some((key) => existing.has(key));
  if (!other && (asking || !isSso(existing))) return name;
  throw usageError(
    "profile-exists",
    `there is a profile ${quoteName(name)} already, which is not ${role.role} of account ` +
      role.account.id,
    "choose another name: --profile NAME",
  );
}

function isSso(settings: Settings): boolean {
  return ["sso_session", "sso_account_id", "sso_role_name"].some((key) => settings.has(key));
}

function notAssigned(what: string): UserError {
  const assigned = what.startsWith("no ") ? "is" : "is not";
  return new UserError(`${what} ${assigned} assigned to you in SSO`, {
    code: "sso-role-not-assigned",
    exitCode: exitCodes.credentials,
    hint: "the portal shows what is; ask whoever assigns access",
  });
}
