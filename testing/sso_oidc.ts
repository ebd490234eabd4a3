/**
 * IAM Identity Center's OIDC service: clients, device codes, authorization codes with PKCE, and
 * refresh tokens that rotate.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { AwsFault } from "./aws_fault.ts";
import { type Call, text } from "./protocol.ts";
import { type SsoClient, type SsoSessions, type SsoToken, unique } from "./sso_sessions.ts";

/** Answers an operation of the OIDC service. */
export function ssoOidc(call: Call, sessions: SsoSessions): unknown {
  switch (call.operation) {
    case "RegisterClient":
      return registerClient(call, sessions);
    case "StartDeviceAuthorization":
      return startDeviceAuthorization(call, sessions);
    case "CreateToken":
      return createToken(call, sessions);
    case "Authorize":
      return authorize(call, sessions);
    case "Verify":
      return verify(call, sessions);
    default:
      throw refused("InvalidRequestException", "No such operation");
  }
}

function registerClient({ params, now, url }: Call, sessions: SsoSessions): unknown {
  if (text(params, "clientName") === undefined || params["clientType"] !== "public") {
    throw refused("InvalidClientMetadataException", "clientName and clientType are required");
  }
  const grantTypes = strings(params["grantTypes"]);
  const redirectUris = strings(params["redirectUris"]);
  if (grantTypes.includes("authorization_code")) {
    if (!redirectUris.some((uri) => loopbackUri(uri) !== undefined)) {
      throw refused("InvalidRedirectUriException", "Invalid redirect URI");
    }
    if (params["issuerUrl"] !== sessions.options.startUrl) {
      throw refused("InvalidRequestException", "Invalid issuerUrl");
    }
  }
  const client = sessions.register({ grantTypes, redirectUris, scopes: strings(params["scopes"]) });
  return {
    clientId: client.clientId,
    clientSecret: client.clientSecret,
    clientIdIssuedAt: Math.floor(now / 1000),
    clientSecretExpiresAt: Math.floor(client.expiresAt / 1000),
    authorizationEndpoint: `${url}/authorize`,
    tokenEndpoint: `${url}/token`,
  };
}

function startDeviceAuthorization({ params, url, now }: Call, sessions: SsoSessions): unknown {
  const client = checkedClient(params, sessions, now);
  if (params["startUrl"] !== sessions.options.startUrl) {
    throw refused("InvalidRequestException", "Invalid startUrl");
  }
  const device = sessions.startDevice(client.clientId);
  return {
    deviceCode: device.deviceCode,
    userCode: device.userCode,
    verificationUri: `${url}/verify`,
    verificationUriComplete: `${url}/verify?user_code=${device.userCode}`,
    expiresIn: 600,
    interval: sessions.options.interval,
  };
}

/** The page that the person opens for a device sign-in; opening it is agreeing. */
function verify({ params }: Call, sessions: SsoSessions): Response {
  const found = sessions.approve(text(params, "user_code") ?? "");
  return new Response(found ? "Request approved\n" : "Unknown code\n", {
    status: found ? 200 : 404,
  });
}

/** The page that the person opens for a sign-in with PKCE; it sends the browser straight back. */
function authorize({ params, now }: Call, sessions: SsoSessions): Response {
  const client = sessions.clients.get(text(params, "client_id") ?? "");
  const redirectUri = text(params, "redirect_uri") ?? "";
  if (
    client === undefined || client.expiresAt <= now ||
    !client.redirectUris.some((uri) => loopbackUri(uri) === loopbackUri(redirectUri))
  ) throw refused("InvalidClientException", "Invalid client provided");
  const codeChallenge = text(params, "code_challenge");
  if (
    params["response_type"] !== "code" || params["code_challenge_method"] !== "S256" ||
    codeChallenge === undefined || text(params, "scopes") === undefined
  ) throw refused("InvalidRequestException", "Invalid request");

  const back = new URL(redirectUri);
  const state = text(params, "state");
  if (state !== undefined) back.searchParams.set("state", state);
  if (sessions.deny) {
    back.searchParams.set("error", "access_denied");
  } else {
    const code = unique("code");
    const scopes = (text(params, "scopes") ?? "").split(/[ ,]+/);
    const { clientId } = client;
    sessions.codes.set(code, { code, clientId, redirectUri, codeChallenge, scopes });
    back.searchParams.set("code", code);
  }
  return Response.redirect(back.href, 302);
}

function createToken(call: Call, sessions: SsoSessions): unknown {
  const { params, now } = call;
  const client = checkedClient(params, sessions, now);
  const grantType = text(params, "grantType") ?? "";
  const grant = grants[grantType];
  if (grant === undefined) throw refused("UnsupportedGrantTypeException", "Unsupported grant type");
  if (client.grantTypes.length > 0 && !client.grantTypes.includes(grantType)) {
    throw refused("UnauthorizedClientException", "The client may not use this grant type");
  }
  const token = grant(call, sessions, client);
  return {
    accessToken: token.accessToken,
    tokenType: "Bearer",
    expiresIn: Math.floor((token.expiresAt - now) / 1000),
    ...(token.refreshToken === undefined ? {} : { refreshToken: token.refreshToken }),
  };
}

type Grant = (call: Call, sessions: SsoSessions, client: SsoClient) => SsoToken;

const grants: Record<string, Grant> = {
  "urn:ietf:params:oauth:grant-type:device_code": deviceGrant,
  authorization_code: codeGrant,
  refresh_token: refreshGrant,
};

function deviceGrant({ params, now }: Call, sessions: SsoSessions, client: SsoClient): SsoToken {
  const device = sessions.devices.get(text(params, "deviceCode") ?? "");
  if (device === undefined || device.clientId !== client.clientId) {
    throw refused("InvalidGrantException", "Invalid device code");
  }
  if (device.expiresAt <= now) throw refused("ExpiredTokenException", "Device code has expired");
  if (device.state === "pending") {
    throw refused("AuthorizationPendingException", "Waiting for the person to agree");
  }
  sessions.devices.delete(device.deviceCode);
  if (device.state === "denied") throw refused("AccessDeniedException", "The person refused");
  return sessions.issue(client.clientId, client.scopes);
}

function codeGrant({ params }: Call, sessions: SsoSessions, client: SsoClient): SsoToken {
  const signIn = sessions.codes.get(text(params, "code") ?? "");
  const verifier = text(params, "codeVerifier") ?? "";
  const challenge = createHash("sha256").update(verifier).digest("base64url");
  if (
    signIn === undefined || signIn.clientId !== client.clientId ||
    signIn.redirectUri !== params["redirectUri"] || signIn.codeChallenge !== challenge
  ) throw refused("InvalidGrantException", "Invalid grant provided");
  sessions.codes.delete(signIn.code);
  return sessions.issue(client.clientId, signIn.scopes);
}

function refreshGrant({ params }: Call, sessions: SsoSessions, client: SsoClient): SsoToken {
  const refreshToken = text(params, "refreshToken");
  const old = [...sessions.tokens.values()].find((token) =>
    refreshToken !== undefined && token.refreshToken === refreshToken
  );
  if (old === undefined || old.clientId !== client.clientId) {
    throw refused("InvalidGrantException", "Invalid refresh token provided");
  }
  // the old access token stays good for its time, its refresh token does not
  old.refreshToken = undefined;
  return sessions.issue(client.clientId, old.scopes);
}

function checkedClient(
  params: Record<string, unknown>,
  sessions: SsoSessions,
  now: number,
): SsoClient {
  const client = sessions.clients.get(text(params, "clientId") ?? "");
  if (client === undefined || client.clientSecret !== params["clientSecret"]) {
    throw new AwsFault(401, "InvalidClientException", "Invalid client provided");
  }
  if (client.expiresAt <= now) {
    throw new AwsFault(401, "InvalidClientException", "Client registration has expired");
  }
  return client;
}

/** A redirect URI without its port, which may differ at every sign-in (RFC 8252, section 7.3). */
function loopbackUri(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, hostname, pathname } = new URL(text);
  return protocol === "http:" && hostname === "127.0.0.1" ? pathname : undefined;
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function refused(code: string, message: string): AwsFault {
  return new AwsFault(400, code, message);
}
