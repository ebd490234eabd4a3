/**
 * CreateToken, the one call that all ways to a token of IAM Identity Center end in.
 *
 * @module
 */

import { type ClientSettings, unreadableAnswer } from "./clients.ts";
import { loadSsoOidc } from "./deps.ts";
import { conceal } from "./secret.ts";
import type { NewToken } from "./sso_token.ts";

/** The most seconds that a token can be said to last: ten years, or its end is no date. */
const longestToken = 10 * 365 * 24 * 3600;

/** What CreateToken takes, by the grant. */
export interface TokenRequest {
  readonly grantType:
    | "authorization_code"
    | "refresh_token"
    | "urn:ietf:params:oauth:grant-type:device_code";
  readonly clientId: string;
  readonly clientSecret: string;
  readonly refreshToken?: string;
  readonly deviceCode?: string;
  readonly code?: string;
  readonly codeVerifier?: string;
  readonly redirectUri?: string;
}

/**
 * Asks for a token.
 *
 * @throws what the SDK throws, and a UserError when the answer holds no token
 */
export async function createToken(
  request: TokenRequest,
  region: string,
  clients: ClientSettings,
): Promise<NewToken> {
  const { SSOOIDCClient, CreateTokenCommand } = await loadSsoOidc();
  // Without an answer nobody knows whether the refresh token or the code is used up. Sent again it
  // would be refused, or taken for stolen, and the user would read of an expired session. The next
  // run finds out, and has lost nothing by that.
  const client = new SSOOIDCClient(await clients.singleUse("sso-oidc", region));
  const answer = await client.send(new CreateTokenCommand({ ...request }));
  const { accessToken, expiresIn } = answer;
  if (!accessToken || !(Number(expiresIn) > 0 && Number(expiresIn) <= longestToken)) {
    throw unreadableAnswer("CreateToken", "token");
  }
  conceal(accessToken);
  if (answer.refreshToken) conceal(answer.refreshToken);
  return {
    accessToken,
    expiresIn: Number(expiresIn),
    refreshToken: answer.refreshToken || undefined,
  };
}
