/**
 * Signing in to IAM Identity Center in a browser on this machine: an authorization code with PKCE
 * (RFC 7636), which comes back to a loopback port, or is pasted into the terminal.
 *
 * @module
 */

import { awsError } from "./aws_errors.ts";
import { openInBrowser } from "./browser.ts";
import { quote, UserError } from "./errors.ts";
import { conceal, Secret } from "./secret.ts";
import {
  type Answer,
  type Arrival,
  type CallbackListener,
  listenForCallback,
  readPasted,
} from "./sso_callback.ts";
import { sessionLabel, signInCommand, signInDenied, ssoError } from "./sso_errors.ts";
import { failurePage, landingResponse, successPage } from "./sso_landing_page.ts";
import { createToken } from "./sso_oidc.ts";
import { defaultScope, type SsoSession } from "./sso_profile.ts";
import {
  isForgottenClient,
  registerClient,
  type Registration,
  type SignInContext,
} from "./sso_registration.ts";
import type { NewToken } from "./sso_token.ts";
import { isCi } from "./tty.ts";
import { openTypedLines, type TypedLines } from "./typed_lines.ts";

/** How long a person may take, in milliseconds, as in the AWS CLI. */
const signInLimit = 10 * 60_000;

/** A token, and the client that it was given to. */
export interface SignedIn {
  readonly token: NewToken;
  readonly registration: Registration;
}

/** How the browser gets there and back. */
export interface BrowserOptions {
  /** To be called back on; undefined for any that is free. */
  readonly port?: number | undefined;
  /** Whether a browser is to be opened here. */
  readonly openBrowser: boolean;
}

/**
 * Has a person agree in a browser. The port is bound before anything is opened, and closed at the end.
 *
 * @throws {UserError} when they refuse or do not come, and when AWS refuses
 */
export async function signInWithBrowser(
  session: SsoSession,
  options: BrowserOptions,
  context: SignInContext,
): Promise<SignedIn> {
  await using listener = listenForCallback(options.port);
  return await signIn(session, options, { ...context, listener });
}

type ListeningContext = SignInContext & { readonly listener: CallbackListener };

async function signIn(
  session: SsoSession,
  options: BrowserOptions,
  context: ListeningContext,
): Promise<SignedIn> {
  const { terminal, signal } = context;
  let registration = await registerClient(session, "browser", context);
  let attempt = await authorization(session, registration, context);
  let arrival = await arrives(session, attempt, options, context);
  for (let first = true;; first = false) {
    try {
      const token = await redeem(session, arrival, attempt, context);
      const page = successPage(session.session ?? session.startUrl);
      arrival.reply?.(await landingResponse(page));
      return { token, registration };
    } catch (error) {
      if (first && isForgottenClient(error)) {
        terminal.detail("AWS has forgotten the registration of this client: registering anew");
        registration = await registerClient(session, "browser", context, { fresh: true });
        attempt = await authorization(session, registration, context);
        // the browser that waits for an answer goes there by itself
        arrival.reply?.(Response.redirect(attempt.page, 302));
        const openBrowser = options.openBrowser && arrival.reply === undefined;
        arrival = await arrives(session, attempt, { ...options, openBrowser }, context);
        continue;
      }
      const denied = arrival.kind === "error" && arrival.error === "access_denied";
      arrival.reply?.(await landingResponse(failurePage(denied ? "denied" : "refused")));
      signal.throwIfAborted();
      throw tokenError(error, session);
    }
  }
}

/** A way to the token: what the person opens, and what only this process knows. */
interface Authorization {
  /** The page to open. */
  readonly page: string;
  readonly state: string;
  readonly verifier: Secret;
  readonly registration: Registration;
}

async function authorization(
  { ssoRegion, scopes = [] }: SsoSession,
  registration: Registration,
  { clients, listener }: ListeningContext,
): Promise<Authorization> {
  const state = randomText();
  const verifier = new Secret(randomText());
  const hash = await crypto.subtle.digest(
    "SHA-256",
    new TextEncoder().encode(verifier.reveal()),
  );
  const { endpoint } = await clients.of("sso-oidc", ssoRegion);
  // the names are those of `_get_authorization_uri` in botocore's utils.py
  const query = Object.entries({
    response_type: "code",
    client_id: registration.clientId,
    redirect_uri: listener.redirectUri,
    state,
    code_challenge_method: "S256",
    scopes: scopes.length === 0 ? defaultScope : scopes.join(" "),
    code_challenge: base64Url(new Uint8Array(hash)),
  }).map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
  const page = `${endpoint.replace(/\/+$/, "")}/authorize?${query}`;
  return { page, state, verifier, registration };
}

/** 256 random bits, in 43 characters that a verifier may hold (RFC 7636, section 4.1). */
function randomText(): string {
  return base64Url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64Url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Shows the page, and waits for the browser or the person to bring the answer. */
async function arrives(
  session: SsoSession,
  { page, state }: Authorization,
  { port, openBrowser }: BrowserOptions,
  context: ListeningContext,
): Promise<Arrival> {
  const { terminal, listener, signal } = context;
  const name = session.session ?? session.startUrl;
  const arrived = listener.expect(state);
  using typed = context.input && !isCi(context.system.env) ? openTypedLines() : undefined;
  const forwarded = port === undefined ? "" : `, on a machine whose port ${port} leads here`;
  terminal.say(
    openBrowser
      ? `signing in to ${name}, in your browser; if it does not open, open this page:`
      : `to sign in to ${name}, open this page in a browser${forwarded}:`,
  );
  terminal.say(`  ${page}`);
  if (typed !== undefined) {
    terminal.say("if the browser is on another machine, paste here the address that it ends at");
  }

  const waiting = new AbortController();
  const limit = Promise.withResolvers<never>();
  const timer = setTimeout(() => limit.reject(tooLate(session)), signInLimit);
  const abort = () => limit.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    signal.throwIfAborted();
    const open = openBrowser && opening(page, { ...context, signal: waiting.signal });
    const pasted = typed && pastedAnswer(typed, state, { ...context, signal: waiting.signal });
    return await Promise.race([
      arrived,
      limit.promise,
      ...(pasted === undefined ? [] : [pasted]),
      ...(open === false ? [] : [open]),
    ]);
  } finally {
    waiting.abort();
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

/** Opens the page; settles only when that goes wrong in a way that nobody expects. */
async function opening(page: string, context: ListeningContext): Promise<never> {
  const opened = await openInBrowser(page, context).catch((error: unknown) => {
    if (!context.signal.aborted) throw error;
    return true;
  });
  if (!opened) context.terminal.say("no browser could be opened: open the page yourself");
  return await new Promise<never>(() => {});
}

/** The answer in what the person types; never settles when they type none. */
async function pastedAnswer(
  typed: TypedLines,
  state: string,
  { terminal, signal, listener }: ListeningContext,
): Promise<Answer> {
  for await (const line of typed.read(signal)) {
    if (line.trim() === "") continue;
    const callback = readPasted(line, state);
    if (callback.kind === "code" || callback.kind === "error") return callback;
    terminal.say(
      callback.kind === "wrong-state"
        ? "that address belongs to another sign-in: paste the one that this page leads to"
        : `that is not it: the address begins with ${listener.redirectUri}?`,
    );
  }
  return await new Promise<never>(() => {});
}

async function redeem(
  session: SsoSession,
  answer: Answer,
  { verifier, registration }: Authorization,
  { clients, listener }: ListeningContext,
): Promise<NewToken> {
  if (answer.kind === "error") throw refusedError(answer, session);
  conceal(answer.code);
  return await createToken(
    {
      grantType: "authorization_code",
      clientId: registration.clientId,
      clientSecret: registration.clientSecret.reveal(),
      code: answer.code,
      codeVerifier: verifier.reveal(),
      redirectUri: listener.redirectUri,
    },
    session.ssoRegion,
    clients,
  );
}

function refusedError(
  { error, description }: Extract<Answer, { kind: "error" }>,
  session: SsoSession,
): UserError {
  const name = session.session ?? session.startUrl;
  if (error === "access_denied") return signInDenied(session);
  const why = description === "" ? "" : ` (${quote(description)})`;
  return ssoError(
    "sso-sign-in-refused",
    `AWS refused the sign-in to ${name}: ${quote(error)}${why}`,
    session,
  );
}

function tooLate(session: SsoSession): UserError {
  const name = session.session ?? session.startUrl;
  return ssoError(
    "sso-code-expired",
    `nobody agreed to sign in to ${name} within ten minutes`,
    session,
  );
}

function tokenError(error: unknown, session: SsoSession): unknown {
  const names = ["AccessDeniedException", "ExpiredTokenException", "InvalidGrantException"];
  if (error instanceof Error && names.includes(error.name)) {
    const name = session.session ?? session.startUrl;
    return ssoError(
      "sso-sign-in-refused",
      `AWS refused the code of the sign-in to ${name}`,
      session,
      error,
    );
  }
  return awsError(error, "CreateToken", {
    identity: sessionLabel(session),
    renew: signInCommand(session),
  });
}
