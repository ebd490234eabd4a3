/**
 * What a signed-in person may be: the accounts and roles that the portal of IAM Identity Center
 * lists.
 *
 * @module
 */

import { awsError, statusOf } from "./aws_errors.ts";
import { loadSso } from "./deps.ts";
import { exitCodes, UserError } from "./errors.ts";
import { openPool } from "./pool.ts";
import type { SsoContext } from "./sso_context.ts";
import { sessionLabel, signInCommand, ssoError } from "./sso_errors.ts";
import type { SsoSession } from "./sso_profile.ts";
import type { SsoToken } from "./sso_token.ts";

/** An account that one has a role in. */
export interface SsoAccount {
  /** 12 digits. */
  readonly id: string;
  /** As somebody wrote it, on one line: any text. Empty when there is none. */
  readonly name: string;
  readonly email: string;
}

/** The roles in an account, or why there are none. */
export interface AccountRoles {
  readonly account: SsoAccount;
  /** In the order of their names. */
  readonly roles: readonly string[];
  /** The portal refused the account, with 403 or 404. */
  readonly refused: boolean;
}

/** The lists of one session's portal. */
export interface SsoDirectory {
  /**
   * In the order of their names.
   *
   * @throws the SDK's error for a token that is refused (401); {@linkcode UserError} for all else
   */
  readonly accounts: () => Promise<SsoAccount[]>;
  readonly rolesOf: (account: SsoAccount) => Promise<AccountRoles>;
  /** The roles of all `accounts`, in their order. */
  readonly rolesOfAll: (accounts: readonly SsoAccount[]) => Promise<AccountRoles[]>;
}

/** Items of a page, the most that the API gives (`MaxResultType` of its reference). */
const pageSize = 100;

/** Requests at the same time: the portal answers 429 to more, and the person waits. */
const concurrency = 4;

/** Opens the portal of a session; nothing is asked for yet. */
export async function openDirectory(
  session: SsoSession,
  { accessToken }: SsoToken,
  { clients, signal }: Pick<SsoContext, "clients" | "signal">,
): Promise<SsoDirectory> {
  const { SSOClient, ListAccountsCommand, ListAccountRolesCommand } = await loadSso();
  const client = new SSOClient(await clients.of("sso", session.ssoRegion));
  const situation = { identity: sessionLabel(session), renew: signInCommand(session) };
  const request = { accessToken: accessToken.reveal(), maxResults: pageSize };

  const accounts: SsoDirectory["accounts"] = async () => {
    try {
      const found = await allPages("ListAccounts", async (nextToken) => {
        const answer = await client.send(new ListAccountsCommand({ ...request, ...nextToken }));
        return { items: answer.accountList, nextToken: answer.nextToken };
      });
      return found
        .map(({ accountId = "", accountName, emailAddress }) => ({
          id: checked("ListAccounts", accountId, /^[0-9]{12}$/),
          name: onOneLine(accountName),
          email: onOneLine(emailAddress),
        }))
        .sort((a, b) => compare(a.name, b.name) || compare(a.id, b.id));
    } catch (error) {
      if (statusOf(error) === 401) throw error;
      throw awsError(error, "ListAccounts", situation);
    }
  };

  const rolesOf: SsoDirectory["rolesOf"] = async (account) => {
    signal.throwIfAborted();
    try {
      const found = await allPages("ListAccountRoles", async (nextToken) => {
        const answer = await client.send(
          new ListAccountRolesCommand({ ...request, accountId: account.id, ...nextToken }),
        );
        return { items: answer.roleList, nextToken: answer.nextToken };
      });
      // the names of permission sets
      const roles = found.map(({ roleName = "" }) =>
        checked("ListAccountRoles", roleName, /^[\w+=,.@-]{1,64}$/)
      );
      return { account, roles: [...new Set(roles)].sort(compare), refused: false };
    } catch (error) {
      const status = statusOf(error);
      if (status === 403 || status === 404) return { account, roles: [], refused: true };
      if (status === 401) {
        const message = `AWS refused ${sessionLabel(session)}`;
        throw ssoError("sso-session-refused", message, session, error);
      }
      throw awsError(error, "ListAccountRoles", situation);
    }
  };

  const rolesOfAll: SsoDirectory["rolesOfAll"] = async (accounts) => {
    const pool = openPool(concurrency);
    const failed = new AbortController();
    const one = (account: SsoAccount) =>
      pool(async () => {
        failed.signal.throwIfAborted(); // the others would be asked for in vain
        try {
          return await rolesOf(account);
        } catch (error) {
          failed.abort(error);
          throw error;
        }
      });
    return await Promise.all(accounts.map(one));
  };
  return { accounts, rolesOf, rolesOfAll };
}

async function allPages<T>(
  action: string,
  page: (
    nextToken: { nextToken?: string },
  ) => Promise<{ items: T[] | undefined; nextToken: string | undefined }>,
): Promise<T[]> {
  const all: T[] = [];
  const seen = new Set<string>();
  let token: string | undefined;
  do {
    const { items, nextToken } = await page(token === undefined ? {} : { nextToken: token });
    if (!Array.isArray(items)) throw unreadable(action);
    all.push(...items);
    token = nextToken || undefined;
    // else it would never end
    const odd = token !== undefined && (typeof token !== "string" || seen.has(token));
    if (odd) throw unreadable(action);
    seen.add(token ?? "");
  } while (token !== undefined);
  return all;
}

function onOneLine(text: unknown): string {
  return typeof text === "string" ? text.replace(/\s+/g, " ").trim() : "";
}

function checked(action: string, text: unknown, pattern: RegExp): string {
  if (typeof text !== "string" || !pattern.test(text)) throw unreadable(action);
  return text;
}

function unreadable(action: string): UserError {
  return new UserError(`the answer to ${action} is not what AWS sends`, {
    code: "unreadable-answer",
    exitCode: exitCodes.network,
    hint: "check the endpoint variables (AWS_ENDPOINT_URL…)",
  });
}

/** By code units, so that the order is the same on every machine. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
