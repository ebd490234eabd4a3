/**
 * Signing in to IAM Identity Center with a device code (RFC 8628): the person opens a page on any
 * machine and agrees there, while this one asks again and again whether they did.
 *
 * @module
 */

import { awsError } from "./aws_errors.ts";
import { unreadableAnswer } from "./clients.ts";
import { loadSsoOidc } from "./deps.ts";
import { UserError } from "./errors.ts";
import { conceal } from "./secret.ts";
import {
  portalUnknown,
  sessionLabel,
  signInCommand,
  signInDenied,
  ssoError,
} from "./sso_errors.ts";
import { createToken } from "./sso_oidc.ts";
import type { SignedIn } from "./sso_pkce.ts";
import type { SsoSession } from "./sso_profile.ts";
import {
  isForgottenClient,
  registerClient,
  type Registration,
  type SignInContext,
} from "./sso_registration.ts";
import type { NewToken } from "./sso_token.ts";

/** Seconds between two questions when AWS names none, and by how many they grow (RFC 8628). */
const defaultInterval = 5;
const slowDown = 5;

/** Seconds that a code lasts when AWS does not say. */
const defaultLife = 600;

/** The most seconds that AWS is believed: a timer that is set too far ahead ends at once. */
const longestInterval = 600;
const longestLife = 24 * 3600;

/**
 * Shows a page and a code, and waits until a person agreed there.
 *
 * @throws {UserError} when they refuse or do not come, and when AWS refuses
 */
export async function signInWithDevice(
  session: SsoSession,
  options: { readonly openBrowser: boolean },
  context: SignInContext,
): Promise<SignedIn> {
  const attempt = async (fresh: boolean): Promise<SignedIn> => {
    const registration = await registerClient(session, "device", context, { fresh });
    const device = await startDevice(session, registration, context);
    await show(session, device, options, context);
    const token = await whenAgreed(device, {
      ask: () =>
        createToken(
          {
            grantType: "urn:ietf:params:oauth:grant-type:device_code",
            clientId: registration.clientId,
            clientSecret: registration.clientSecret.reveal(),
            deviceCode: device.deviceCode,
          },
          session.ssoRegion,
          context.clients,
        ),
      now: context.system.now,
      pause: (seconds) => pause(seconds, context.signal),
    });
    return { token, registration };
  };
  try {
    try {
      return await attempt(false);
    } catch (error) {
      if (!isForgottenClient(error)) throw error;
      context.terminal.detail(
        "AWS has forgotten the registration of this client: registering anew",
      );
      return await attempt(true);
    }
  } catch (error) {
    context.signal.throwIfAborted();
    throw deviceError(error, session);
  }
}

/** A device code, and where a person agrees to it. */
interface Device {
  readonly deviceCode: string;
  readonly userCode: string;
  /** The page, which knows the code already. */
  readonly page: string;
  /** Seconds between two questions. */
  readonly interval: number;
  readonly expiresAt: Date;
}

async function startDevice(
  { startUrl, ssoRegion }: SsoSession,
  { clientId, clientSecret }: Registration,
  { clients, system }: SignInContext,
): Promise<Device> {
  const { SSOOIDCClient, StartDeviceAuthorizationCommand } = await loadSsoOidc();
  const client = new SSOOIDCClient(await clients.of("sso-oidc", ssoRegion));
  const answer = await client.send(
    new StartDeviceAuthorizationCommand({
      clientId,
      clientSecret: clientSecret.reveal(),
      startUrl,
    }),
  );
  return readDevice({ ...answer }, system.now());
}

/**
 * What StartDeviceAuthorization answered, checked: a person is shown it, and a browser is.
 *
 * @throws {UserError} `unreadable-answer`
 */
export function readDevice(answer: Readonly<Record<string, unknown>>, now: Date): Device {
  const { deviceCode, userCode, interval, expiresIn } = answer;
  const page = webPage(answer.verificationUriComplete ?? answer.verificationUri);
  const isCode = typeof userCode === "string" && /^[\x21-\x7e]{1,64}$/.test(userCode);
  if (typeof deviceCode !== "string" || deviceCode === "" || !isCode || page === undefined) {
    throw unreadableAnswer("StartDeviceAuthorization", "code");
  }
  conceal(deviceCode);
  const life = Math.min(Number(expiresIn) > 0 ? Number(expiresIn) : defaultLife, longestLife);
  return {
    deviceCode,
    userCode,
    page,
    interval: Math.min(Number(interval) > 0 ? Number(interval) : defaultInterval, longestInterval),
    expiresAt: new Date(now.getTime() + life * 1000),
  };
}

/** The address of a page of the web, as a browser writes it: in one word. */
function webPage(text: unknown): string | undefined {
  const url = typeof text === "string" ? URL.parse(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) return undefined;
  // https://aws.amazon.com@elsewhere looks like AWS's
  return url.username === "" && url.password === "" ? url.href : undefined;
}

async function show(
  session: SsoSession,
  { page, userCode }: Device,
  { openBrowser }: { readonly openBrowser: boolean },
  context: SignInContext,
): Promise<void> {
  const { terminal } = context;
  const opened = openBrowser && await (await import("./browser.ts")).openInBrowser(page, context);
  terminal.say(
    opened
      ? "signing in, in your browser; if it does not open, open this page, on any machine:"
      : `to sign in to ${session.session ?? session.startUrl}, open this page, on any machine:`,
  );
  terminal.say(`  ${page}`);
  terminal.say(`and check that it shows this code: ${userCode}`);
}

/** What {@linkcode whenAgreed} works with. */
export interface Polling {
  /** Asks for the token; throws what the SDK throws. */
  readonly ask: () => Promise<NewToken>;
  readonly now: () => Date;
  readonly pause: (seconds: number) => Promise<void>;
}

/**
 * Asks for the token until there is one, as often as AWS allows.
 *
 * @throws {Error} named `ExpiredTokenException` when the code has run out, and what `ask` throws
 */
export async function whenAgreed(
  { interval, expiresAt }: Pick<Device, "interval" | "expiresAt">,
  { ask, now, pause }: Polling,
): Promise<NewToken> {
  let seconds = interval;
  while (now() < expiresAt) {
    await pause(seconds);
    try {
      return await ask();
    } catch (error) {
      const name = error instanceof Error ? error.name : "";
      if (name === "SlowDownException") seconds += slowDown;
      else if (name !== "AuthorizationPendingException") throw error;
    }
  }
  throw Object.assign(new Error("the device code has run out"), { name: "ExpiredTokenException" });
}

/** Resolves after `seconds`; rejects with the signal's reason as soon as it is aborted. */
async function pause(seconds: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = () => reject(signal.reason);
  signal.throwIfAborted();
  signal.addEventListener("abort", abort, { once: true });
  const timer = setTimeout(resolve, seconds * 1000);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

function deviceError(error: unknown, session: SsoSession): unknown {
  if (!(error instanceof Error) || error instanceof UserError) return error;
  switch (error.name) {
    case "ExpiredTokenException":
      return ssoError(
        "sso-code-expired",
        `nobody agreed to sign in to ${
          session.session ?? session.startUrl
        } before the code ran out`,
        session,
        error,
      );
    case "AccessDeniedException":
      return signInDenied(session, error);
    case "InvalidRequestException":
      return portalUnknown(session, error);
  }
  return awsError(error, "signing in", {
    identity: sessionLabel(session),
    renew: signInCommand(session),
  });
}
