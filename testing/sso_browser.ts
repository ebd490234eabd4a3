/**
 * A sign-in with PKCE inside the test, whose browser the test plays.
 *
 * ```ts
 * await using signIn = await startSignIn(aws);
 * await fetch(await signIn.page());
 * const { token } = await signIn.result;
 * ```
 *
 * @module
 */

import { loadAwsConfig } from "../aws_config.ts";
import { outputOptions } from "../command_line.ts";
import { openSso } from "../sso_context.ts";
import { type SignedIn, signInWithBrowser } from "../sso_pkce.ts";
import type { SsoSession } from "../sso_profile.ts";
import { realSystem, type System } from "../system.ts";
import { openTerminal } from "../terminal.ts";
import type { FakeAws } from "./aws.ts";
import { type TempHome, tempHome } from "./temp_home.ts";

/** How {@linkcode startSignIn} starts. */
export interface SignInSettings {
  port?: number;
  /** Default false. */
  openBrowser?: boolean;
  /** Added to what the sign-in sees. */
  env?: Record<string, string>;
  /** Default a temporary one that is removed at the end. */
  home?: TempHome;
  session?: Partial<SsoSession>;
}

/** A sign-in under way. Disposing aborts it, and waits for its end. */
export interface SignInRun extends AsyncDisposable {
  home: TempHome;
  /** What a person sees, with `--verbose`. */
  said: () => string;
  /** The page to open, once it is said; with `at`, the page said after so many others. */
  page: (at?: number) => Promise<string>;
  result: Promise<SignedIn>;
  abort: (reason: Error) => void;
}

/** Starts a sign-in to the session `corp` of the fake AWS. */
export async function startSignIn(
  aws: FakeAws,
  settings: SignInSettings = {},
): Promise<SignInRun> {
  const home = settings.home ?? await tempHome();
  let said = "";
  let more = Promise.withResolvers<void>();
  const env = { ...aws.env(), HOME: home.path, USERPROFILE: home.path, ...settings.env };
  const system: System = {
    ...realSystem(),
    env,
    stderrIsTerminal: false,
    stderr: (text) => {
      said += text;
      more.resolve();
      more = Promise.withResolvers();
    },
  };
  const controller = new AbortController();
  const { signal } = controller;
  const session: SsoSession = {
    profile: undefined,
    session: "corp",
    startUrl: aws.sso.options.startUrl,
    ssoRegion: aws.sso.options.region,
    ...settings.session,
  };
  const terminal = openTerminal(system, outputOptions(["--verbose"]));
  const context = openSso(
    session,
    { config: await loadAwsConfig(env, system.readTextFile), input: false },
    { system, terminal, signal, version: "test" } as Parameters<typeof openSso>[2],
  );
  const { openBrowser = false, port } = settings;
  let ended = false;
  const result = signInWithBrowser(session, { openBrowser, port }, context);
  const end = () => {
    ended = true;
    more.resolve();
  };
  result.then(end, end);
  return {
    home,
    said: () => said,
    page: async (at = 0) => {
      for (;;) {
        const page = [...said.matchAll(/^ecrin: {3}(http\S+)$/gm)][at]?.[1];
        if (page !== undefined) return page;
        if (ended) throw new Error(`the sign-in ended without a page:\n${said}`);
        await more.promise;
      }
    },
    result,
    abort: (reason) => controller.abort(reason),
    async [Symbol.asyncDispose](): Promise<void> {
      controller.abort(new Error("the test is over"));
      await result.catch(() => {});
      if (settings.home === undefined) await home[Symbol.asyncDispose]();
    },
  };
}
