/**
 * Opening a page in the person's browser: what BROWSER names, else what the operating system has for it.
 *
 * @module
 */

import type { ChildProcess } from "node:child_process";
import { loadOpen } from "./deps.ts";
import { childEnv } from "./process.ts";
import { withoutSecrets } from "./secret_variables.ts";
import type { System } from "./system.ts";
import type { Terminal } from "./terminal.ts";
import { findProgram } from "./tools.ts";

/** How long an opener may take to fail, in milliseconds: some stay until the browser is closed. */
const failureWindow = 1500;

/** What opening a page may touch. */
export interface BrowserContext {
  readonly system: System;
  readonly signal: AbortSignal;
  readonly terminal: Pick<Terminal, "detail">;
}

/** A way to open the page. It settles with what went wrong, when the opener ends. */
interface Opener {
  readonly name: string;
  /** All that it needs, since Deno would ask the person otherwise, in the middle of the sign-in. */
  readonly permissions: readonly Deno.PermissionDescriptor[];
  readonly open: () => Promise<string | undefined>;
}

/**
 * Opens a page, and neither waits for the browser nor ends it with this run. The browser gets no
 * secret of the environment.
 *
 * @returns false when no browser could be started; the reasons are said with `--verbose`
 */
export async function openInBrowser(url: string, context: BrowserContext): Promise<boolean> {
  const { system, signal, terminal } = context;
  const named = namedBrowsers(url, system);
  if (named === undefined && !hasScreen(system)) {
    terminal.detail("there is no screen to open a browser on");
    return false;
  }
  const openers = named === undefined
    ? [systemOpener(url, system)]
    : named.map((command) => commandOpener(command, system));
  for (const opener of openers) {
    signal.throwIfAborted();
    const problem = await start(opener, signal);
    if (problem === undefined) {
      terminal.detail(`opened the page with ${opener.name}`);
      return true;
    }
    terminal.detail(`could not open the page with ${opener.name}: ${problem}`);
  }
  return false;
}

/**
 * The commands that BROWSER has for `url`, best first; nothing else is tried then. It is read as
 * Python's `webbrowser` reads it, and so the AWS CLI: commands with colons between them, `%s` for
 * the page, which is added where it is not named.
 *
 * @returns undefined when BROWSER is not set
 */
export function namedBrowsers(
  url: string,
  { env, os, isFile }: Pick<System, "env" | "os" | "isFile">,
): string[][] | undefined {
  if (!env.BROWSER) return undefined;
  const wanted = isFile(env.BROWSER)
    ? [[env.BROWSER]]
    : env.BROWSER.split(os === "windows" ? ";" : ":").map(words);
  return wanted.filter((command) => command.length > 0).map((command) =>
    command.some((word) => word.includes("%s"))
      ? command.map((word) => word.replaceAll("%s", () => url))
      : [...command, url]
  );
}

/** Whether a browser would have a window: xdg-open starts one for terminals otherwise. */
export function hasScreen({ env, os }: Pick<System, "env" | "os">): boolean {
  if (os !== "linux") return true;
  const wsl = env.WSL_DISTRO_NAME || env.WSL_INTEROP; // it opens the browser of Windows
  return Boolean(env.DISPLAY || env.WAYLAND_DISPLAY || wsl);
}

/** The words of a command; quotes keep one together, and the `&` of a shell at the end is dropped. */
function words(command: string): string[] {
  const found = command.match(/(?:[^\s"']|"[^"]*"|'[^']*')+/g) ?? [];
  const unquoted = found.map((word) => word.replace(/"([^"]*)"|'([^']*)'/g, "$1$2"));
  return unquoted.at(-1) === "&" ? unquoted.slice(0, -1) : unquoted;
}

/** Starts `opener`. @returns what went wrong; `undefined` when the page is open, or about to be */
async function start(
  { permissions, open }: Opener,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (const permission of permissions) {
    const { state } = await Deno.permissions.query(permission);
    if (state !== "granted") return "Deno was started without the permission";
  }
  const { promise: settled, resolve } = Promise.withResolvers<undefined>();
  const stop = () => resolve(undefined);
  const timer = setTimeout(stop, failureWindow);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([open(), settled]);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

/** The operating system's own: xdg-open, macOS's `open`, PowerShell on Windows and in WSL. */
function systemOpener(url: string, { env }: System): Opener {
  return {
    name: "the system's browser",
    permissions: [
      { name: "env" },
      { name: "read" },
      { name: "run" },
      { name: "sys", kind: "osRelease" },
      { name: "sys", kind: "uid" },
    ],
    open: async () => {
      const { default: open } = await loadOpen();
      const child = await withoutOwnSecrets(env, () => open(url));
      return problemOf(await exitCode(child));
    },
  };
}

/**
 * Does `work` while this process's own environment has none of the secrets of `env`: the package
 * gives a browser all of it.
 */
async function withoutOwnSecrets<T>(env: System["env"], work: () => Promise<T>): Promise<T> {
  const kept = withoutSecrets(env);
  const secrets = Object.keys(env).filter((name) => !(name in kept)).map((name) =>
    [name, Deno.env.get(name)] as const
  );
  for (const [name] of secrets) Deno.env.delete(name);
  try {
    return await work();
  } finally {
    for (const [name, value] of secrets) if (value !== undefined) Deno.env.set(name, value);
  }
}

/** How a child ended, or ends; one that was killed has no code. */
function exitCode(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.once("exit", resolve));
}

function problemOf(code: number | null): string | undefined {
  if (code === 0) return undefined;
  return code === null ? "it was killed" : `it ended with exit code ${code}`;
}

/** A command of BROWSER. */
function commandOpener([name = "", ...args]: readonly string[], system: System): Opener {
  const path = /[\\/]/.test(name) ? name : findProgram(name, system);
  return {
    name,
    permissions: path === undefined ? [] : [{ name: "run", command: path }],
    open: async () => {
      if (path === undefined) return "there is no such program";
      const child = new Deno.Command(path, {
        args,
        clearEnv: true,
        env: childEnv(withoutSecrets(system.env)),
        stdin: "null",
        stdout: "null",
        stderr: "null",
        detached: true,
      }).spawn();
      child.unref();
      return problemOf((await child.status).code);
    },
  };
}
