/**
 * Signing in to a session of IAM Identity Center: one process at a time, whose token serves those
 * that waited, and the file that the AWS CLI and the SDKs read.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import { exitCodes, permissionError, UserError } from "./errors.ts";
import {
  errorCode,
  followLinks,
  lockFolder,
  removeLeftovers,
  replaceFile,
  tryLockFile,
} from "./file_lock.ts";
import type { SsoContext } from "./sso_context.ts";
import { signInDenied } from "./sso_errors.ts";
import type { SignedIn } from "./sso_pkce.ts";
import type { SsoSession } from "./sso_profile.ts";
import { parseToken, signedInText, type SsoToken, tokenPath } from "./sso_token.ts";
import { chooseWay, type SignInOptions } from "./sso_way.ts";
import { sayingToPerson } from "./sso_person.ts";

/** Between two looks at the lock of another process, in milliseconds. */
const lockInterval = 100;

/** How long another process may be writing a file of the folder, in milliseconds. */
const writeTimeout = 60_000;

/**
 * Has a person sign in, in their browser, and puts the token into the file of the session. Where
 * another ecrin process is at it already, its token is waited for and used.
 *
 * @throws {UserError} when nobody signs in, AWS refuses, or the file cannot be written
 */
export async function signIn(
  session: SsoSession,
  options: SignInOptions & {
    /** The token that is no good although it looks so. */
    readonly insteadOf?: SsoToken | undefined;
  },
  context: SsoContext,
): Promise<SsoToken> {
  const { system, signal } = context;
  const file = await tokenPath(system.env, session);
  const path = await writable(file, async () => {
    const path = await followLinks(file);
    await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return path;
  });
  await using lock = await lockSignIn(path, session, context);
  const other = parseToken(await system.readTextFile(file).catch(() => ""));
  const refused = options.insteadOf?.accessToken.reveal();
  const isGood = other !== undefined && other.expiresAt > system.now() &&
    other.accessToken.reveal() !== refused;
  if (isGood) {
    context.report("another process has signed in");
    return other;
  }
  const { token, registration } = await authorized(session, options, context)
    .catch(async (error: unknown) => {
      if (error instanceof UserError && error.code === "sso-sign-in-denied") await lock.deny();
      throw error;
    });
  signal.throwIfAborted();
  const text = signedInText(session, { token, client: registration }, system.now());
  await writable(path, () => write(path, text, context));
  context.report(`wrote the SSO token to ${path}`);
  const written = parseToken(text);
  if (written === undefined) throw new Error("the token that was written cannot be read");
  return written;
}

/** What the person agreed to, in the way that fits. */
async function authorized(
  session: SsoSession,
  options: SignInOptions,
  context: SsoContext,
): Promise<SignedIn> {
  const way = chooseWay(session, options, context.system);
  const { kind, port, openBrowser, because } = way;
  const asking = { ...context, terminal: sayingToPerson(context) };
  if (kind === "browser") {
    const { signInWithBrowser } = await import("./sso_pkce.ts");
    return await signInWithBrowser(
      session,
      { openBrowser, ...(port === undefined ? {} : { port }) },
      asking,
    );
  }
  if (because !== undefined) context.report(`signing in with a device code: ${because}`);
  const { signInWithDevice } = await import("./sso_device.ts");
  return await signInWithDevice(session, { openBrowser }, asking);
}

/** The right to have a person sign in. Disposing lets go of it. */
interface SignInLock extends AsyncDisposable {
  /** Tells those that wait for the lock that the person said no, which is the end for them too. */
  readonly deny: () => Promise<void>;
}

/**
 * The {@linkcode SignInLock} of the session whose token is at `path`. It is a lock of that session
 * alone, since it may be held for minutes, and it goes with the process.
 *
 * @throws {UserError} when the person says no meanwhile
 */
async function lockSignIn(
  path: string,
  session: SsoSession,
  context: SsoContext,
): Promise<SignInLock> {
  const { signal, system, terminal } = context;
  const lockPath = join(dirname(path), `.${basename(path)}.sign-in.lock`);
  const tryLock = () => writable(lockPath, () => tryLockFile(lockPath));
  const deny = () => Deno.writeTextFile(lockPath, String(system.now().getTime())).catch(() => {});
  const look = () => Deno.open(lockPath).catch(() => undefined);
  const since = system.now();
  const first = await tryLock();
  if (first !== undefined) return { ...first, deny };
  const name = session.session ?? session.startUrl;
  terminal.say(`waiting for another ecrin, where ${name} is being signed in to`);
  // open before its owner is done, who removes it
  let file = await look();
  try {
    while (true) {
      await new Promise((resolve) => setTimeout(resolve, lockInterval * (0.5 + Math.random())));
      signal.throwIfAborted();
      const lock = await tryLock();
      const next = lock === undefined ? await look() : undefined;
      const denied = await deniedAt(file);
      file?.close();
      file = next;
      if (denied !== undefined && denied >= since) {
        await lock?.[Symbol.asyncDispose]();
        throw signInDenied(session);
      }
      if (lock !== undefined) return { ...lock, deny };
    }
  } finally {
    file?.close();
  }
}

/** When the person said no, as the owner of the lock wrote into its file. */
async function deniedAt(file: Deno.FsFile | undefined): Promise<Date | undefined> {
  const bytes = new Uint8Array(32);
  const length = await file?.read(bytes).catch(() => null);
  return length ? new Date(Number(new TextDecoder().decode(bytes.subarray(0, length)))) : undefined;
}

async function write(
  path: string,
  text: string,
  { signal, report }: SsoContext,
): Promise<void> {
  await using _lock = await lockFolder(dirname(path), { timeoutMs: writeTimeout, signal });
  await removeLeftovers(path);
  await replaceFile(path, new TextEncoder().encode(text), { secret: true, report });
}

/** Does `work`, which writes; a refusal of the file system is the user's to mend. */
async function writable<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) {
      const what = `may not write the SSO token to ${dirname(path)}`;
      throw permissionError(what, "--allow-write", error);
    }
    const code = errorCode(error);
    if (code === undefined) throw error;
    throw new UserError(`cannot write the SSO token to ${dirname(path)} (${code})`, {
      code: "sso-token-unwritable",
      exitCode: exitCodes.credentials,
      hint: "make that folder yours to write, or sign in where it is",
      cause: error,
    });
  }
}
