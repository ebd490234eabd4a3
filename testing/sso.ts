/**
 * The IAM Identity Center portal: accounts, roles and role credentials for a bearer token.
 *
 * @module
 */

import { AwsFault } from "./aws_fault.ts";
import type { KeyTable } from "./keys.ts";
import { type Call, text } from "./protocol.ts";
import type { SsoAccount, SsoSessions } from "./sso_sessions.ts";
import { issueRoleSession } from "./sts.ts";

/** Answers an operation of the portal. */
export function sso(call: Call, sessions: SsoSessions, keys: KeyTable): unknown {
  const { operation, params, now } = call;
  const bearer = call.request.headers.get("x-amz-sso_bearer_token") ?? "";
  const token = sessions.tokens.get(bearer);
  if (token === undefined || token.expiresAt <= now) {
    throw new AwsFault(401, "UnauthorizedException", "Session token not found or invalid");
  }
  const { accounts } = sessions.options;
  switch (operation) {
    case "ListAccounts":
      return page(call, "accountList", accounts.map(({ roles: _, ...account }) => account));
    case "ListAccountRoles": {
      const { accountId, roles } = assigned(accounts, params);
      return page(call, "roleList", roles.map((roleName) => ({ roleName, accountId })));
    }
    case "GetRoleCredentials": {
      const roleName = text(params, "role_name") ?? "";
      const { accountId, roles } = assigned(accounts, params);
      if (!roles.includes(roleName)) throw noAccess();
      const reserved = "aws-reserved/sso.amazonaws.com";
      const role =
        `arn:aws:iam::${accountId}:role/${reserved}/AWSReservedSSO_${roleName}_0123456789`;
      const session = issueRoleSession(keys, role, {
        name: "person@example.com",
        expiresAt: now + 3600 * 1000,
      });
      return {
        roleCredentials: {
          accessKeyId: session.accessKeyId,
          secretAccessKey: session.secretAccessKey,
          sessionToken: session.sessionToken,
          expiration: session.expiresAt,
        },
      };
    }
    case "Logout":
      sessions.revoke(bearer);
      return {};
    default:
      throw new AwsFault(404, "ResourceNotFoundException", "No such operation");
  }
}

function assigned(accounts: SsoAccount[], params: Record<string, unknown>): SsoAccount {
  const account = accounts.find(({ accountId }) => accountId === text(params, "account_id"));
  if (account === undefined) throw noAccess();
  return account;
}

function noAccess(): AwsFault {
  return new AwsFault(403, "ForbiddenException", "No access");
}

/** `max_result` of a list from `next_token` on; the token is the index of the next item. */
function page(call: Call, name: string, items: unknown[]): Record<string, unknown> {
  const start = Number(text(call.params, "next_token") ?? 0);
  const end = start + Number(text(call.params, "max_result") ?? 100);
  return {
    [name]: items.slice(start, end),
    nextToken: end < items.length ? String(end) : null,
  };
}
