/**
 * The registration of this machine as a client of IAM Identity Center's OIDC service, which a sign-in
 * needs first. It lasts for weeks, in a file that the AWS CLI writes and reads too.
 *
 * @module
 */

import { hash, pythonAscii } from "./cache_names.ts";
import { dirname } from "node:path";
import type { Env } from "./aws_config.ts";
import { awsError } from "./aws_errors.ts";
import { type ClientSettings, unreadableAnswer } from "./clients.ts";
import { loadSsoOidc } from "./deps.ts";
import { exitCodes, UserError } from "./errors.ts";
import {
  errorCode,
  followLinks,
  lockFolder,
  LockTimeout,
  removeLeftovers,
  replaceFile,
} from "./file_lock.ts";
import { Secret } from "./secret.ts";
import { portalUnknown, sessionLabel, signInCommand } from "./sso_errors.ts";
import { defaultScope, type SsoSession } from "./sso_profile.ts";
import { parseTimestamp, tokenFolder } from "./sso_token.ts";
import type { System } from "./system.ts";
import type { Terminal } from "./terminal.ts";
import { utcTimestamp } from "./utc_timestamp.ts";

/** A client as CreateToken and StartDeviceAuthorization want to know it. */
export interface Registration {
  readonly clientId: string;
  readonly clientSecret: Secret;
  readonly expiresAt: Date;
}

/** What signing in may touch. */
export interface SignInContext {
  readonly system: System;
  readonly clients: ClientSettings;
  readonly signal: AbortSignal;
  readonly terminal: Terminal;
  /** Whether a person may be asked. */
  readonly input: boolean;
}

/** What a client is registered for: PKCE in a browser, or device codes. */
export type RegisteredGrant = "browser" | "device";

/** Where AWS sends the browser back to; the port may differ (RFC 8252, section 7.3). */
const registeredRedirectUri = "http://127.0.0.1/oauth/callback";

/** With less than this left a registration is not used, in milliseconds; as botocore. */
const expiryWindow = 15 * 60_000;

/** How long another process may be writing in the folder, in milliseconds. */
const lockTimeoutMs = 10_000;

/**
 * The client that a session is signed in to with: the one in the cache, else a new one, which is put
 * there. Where it cannot be, it is good for this run.
 *
 * @throws {UserError} when AWS refuses or cannot be reached
 */
export async function registerClient(
  session: SsoSession,
  grant: RegisteredGrant,
  context: SignInContext,
  { fresh = false }: { readonly fresh?: boolean } = {},
): Promise<Registration> {
  const { system, terminal } = context;
  const path = await registrationPath(system.env, session);
  const text = fresh ? "" : await system.readTextFile(path).catch(() => "");
  const cached = parseRegistration(text, grant);
  if (cached !== undefined && cached.expiresAt.getTime() - system.now().getTime() > expiryWindow) {
    return cached;
  }
  terminal.detail(`registering this machine at ${session.startUrl}`);
  const registration = await register(session, grant, context);
  await keep(path, registrationText(registration, grant, session), context);
  return registration;
}

/**
 * Path of the registration for a session. Its name is the SHA-1 of what Python's `json.dumps` makes
 * of the session (`_registration_cache_key` in botocore's utils.py).
 */
export async function registrationPath(env: Env, session: SsoSession): Promise<string> {
  const { ssoRegion, scopes, session: name, startUrl } = session;
  const list = scopes && `[${scopes.map(pythonJson).join(", ")}]`;
  const key = `{"region": ${pythonJson(ssoRegion)}, "scopes": ${list ?? "null"}, ` +
    `"session_name": ${pythonJson(name)}, "startUrl": ${pythonJson(startUrl)}, "tool": "botocore"}`;
  return `${tokenFolder(env)}/${await hash("SHA-1", key)}.json`;
}

/** A string, or none, as Python writes it. */
function pythonJson(text: string | undefined): string {
  return text === undefined ? "null" : pythonAscii(JSON.stringify(text));
}

/** The registration in a cache file; `undefined` when there is none in it for this grant. */
export function parseRegistration(
  text: string,
  grant: RegisteredGrant,
): Registration | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { clientId, clientSecret, expiresAt, grantTypes } = (value ?? {}) as Record<
    string,
    unknown
  >;
  const end = parseTimestamp(expiresAt);
  if (typeof clientId !== "string" || clientId === "" || end === undefined) return undefined;
  if (typeof clientSecret !== "string" || clientSecret === "") return undefined;
  // botocore tells the two kinds of clients apart by this, too
  const forBrowser = Array.isArray(grantTypes) && grantTypes.includes("authorization_code");
  if (forBrowser !== (grant === "browser")) return undefined;
  return { clientId, clientSecret: new Secret(clientSecret), expiresAt: end };
}

/** CreateToken's and StartDeviceAuthorization's refusals of a client that AWS knows no more. */
const forgottenClient: ReadonlySet<string> = new Set([
  "InvalidClientException",
  "UnauthorizedClientException",
]);

/** Whether AWS has forgotten the registration, so that a new one is needed. */
export function isForgottenClient(error: unknown): boolean {
  return error instanceof Error && forgottenClient.has(error.name);
}

function registrationText(
  { clientId, clientSecret, expiresAt }: Registration,
  grant: RegisteredGrant,
  session: SsoSession,
): string {
  const { scopes, grantTypes } = requestOf(session, grant);
  return JSON.stringify({
    clientId,
    clientSecret: clientSecret.reveal(),
    expiresAt: utcTimestamp(expiresAt),
    scopes,
    grantTypes,
  });
}

/** What RegisterClient is asked for, as `SSOTokenFetcher` and `SSOTokenFetcherAuth` of botocore do. */
function requestOf({ scopes = [], startUrl }: SsoSession, grant: RegisteredGrant): {
  readonly scopes?: string[];
  readonly grantTypes?: string[];
  readonly redirectUris?: string[];
  readonly issuerUrl?: string;
} {
  if (grant === "device") return scopes.length === 0 ? {} : { scopes };
  return {
    scopes: scopes.length === 0 ? [defaultScope] : scopes,
    grantTypes: ["authorization_code", "refresh_token"],
    redirectUris: [registeredRedirectUri],
    issuerUrl: startUrl,
  };
}

async function register(
  session: SsoSession,
  grant: RegisteredGrant,
  { clients, signal }: SignInContext,
): Promise<Registration> {
  const { SSOOIDCClient, RegisterClientCommand } = await loadSsoOidc();
  const client = new SSOOIDCClient(await clients.of("sso-oidc", session.ssoRegion));
  try {
    const { clientId, clientSecret, clientSecretExpiresAt } = await client.send(
      new RegisterClientCommand({
        // the page that asks the person to agree shows it
        clientName: `ecrin-client-${(session.session ?? "portal").replace(/[^\w.-]/g, "-")}`,
        clientType: "public",
        ...requestOf(session, grant),
      }),
    );
    const expiresAt = new Date(Number(clientSecretExpiresAt) * 1000);
    if (!clientId || !clientSecret || Number.isNaN(expiresAt.getTime())) {
      throw unreadableAnswer("RegisterClient", "client");
    }
    return { clientId, clientSecret: new Secret(clientSecret), expiresAt };
  } catch (error) {
    signal.throwIfAborted();
    throw registrationError(error, session);
  }
}

function registrationError(error: unknown, session: SsoSession): unknown {
  const name = error instanceof Error ? error.name : "";
  if (name === "InvalidRequestException") return portalUnknown(session, error);
  if (name === "InvalidScopeException") {
    return new UserError(`AWS does not know the scopes ${(session.scopes ?? []).join(", ")}`, {
      code: "sso-scope-unknown",
      exitCode: exitCodes.usage,
      hint: `check sso_registration_scopes: the usual one is ${defaultScope}`,
      cause: error,
    });
  }
  return awsError(error, "RegisterClient", {
    identity: sessionLabel(session),
    renew: signInCommand(session),
  });
}

async function keep(
  file: string,
  text: string,
  { signal, terminal }: SignInContext,
): Promise<void> {
  try {
    const path = await followLinks(file);
    await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await using _lock = await lockFolder(dirname(path), { timeoutMs: lockTimeoutMs, signal });
    await removeLeftovers(path);
    await replaceFile(path, new TextEncoder().encode(text), {
      secret: true,
      report: terminal.detail,
    });
    terminal.detail(`wrote the registration to ${path}`);
  } catch (error) {
    signal.throwIfAborted();
    const isExpected = error instanceof LockTimeout || error instanceof Deno.errors.NotCapable;
    const why = errorCode(error) ?? (isExpected ? error.name : undefined);
    if (why === undefined) throw error;
    terminal.detail(`the registration is for this run only: ${file} cannot be written (${why})`);
  }
}
