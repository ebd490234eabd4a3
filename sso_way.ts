/**
 * Which of the two ways of signing in to IAM Identity Center fits: PKCE, where a browser can reach
 * this machine, else a device code, which can be phished. Pure.
 *
 * @module
 */

import { lastValue, optional } from "./cli.ts";
import type { CommandLine } from "./command_line.ts";
import { quote, usageError } from "./errors.ts";
import type { SsoSession } from "./sso_profile.ts";
import type { System } from "./system.ts";

/** What the command line says about signing in. */
export interface SignInOptions {
  readonly deviceCode?: boolean;
  readonly noBrowser?: boolean;
  /** Port to be called back on. */
  readonly port?: number | undefined;
}

/** A way of signing in. */
export interface SignInWay {
  readonly kind: "browser" | "device";
  readonly port?: number | undefined;
  /** Whether a browser is to be opened. */
  readonly openBrowser: boolean;
  /** Why it is a device code, when nobody asked for one: `"over SSH"`. */
  readonly because?: string | undefined;
}

/**
 * The {@linkcode SignInOptions} of a command line.
 *
 * @throws {UserError} when the port is none, or no way fits all of them
 */
export function signInOptions(line: CommandLine): SignInOptions {
  const options = {
    deviceCode: line.values.has("device-code"),
    noBrowser: line.values.has("no-browser"),
    port: optional(line, "port", parsePort),
  };
  if (options.deviceCode && options.port !== undefined) {
    throw usageError(
      "two-ways",
      "--device-code needs no --port",
      `leave one of them out: --port ${lastValue(line, "port")} is for a browser that comes back`,
    );
  }
  return options;
}

function parsePort(text: string): number {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65535) return port;
  throw usageError("bad-port", `${quote(text)} is not a port`, "use one of 1024 to 65535");
}

/** Decides on the way, as the options say, else as the machine is. */
export function chooseWay(
  session: Pick<SsoSession, "session">,
  { deviceCode = false, noBrowser = false, port }: SignInOptions,
  system: Pick<System, "env" | "os" | "isFile">,
): SignInWay {
  const apart = apartFromBrowser(system);
  // BROWSER can lead out of a container or through SSH; WSL opens the browser of Windows
  const openBrowser = !noBrowser &&
    (apart === undefined || apart === inWsl || Boolean(system.env.BROWSER));
  if (port !== undefined) return { kind: "browser", port, openBrowser };
  if (deviceCode) return { kind: "device", openBrowser };
  const because = noBrowser
    ? "with --no-browser"
    : apart ?? (session.session === undefined ? "without an sso-session" : undefined);
  return because === undefined
    ? { kind: "browser", openBrowser }
    : { kind: "device", openBrowser, because };
}

const inWsl = "in WSL";

/** Why no browser can reach this machine; undefined when one can. */
function apartFromBrowser(
  { env, os, isFile }: Pick<System, "env" | "os" | "isFile">,
): string | undefined {
  if (env.SSH_CONNECTION || env.SSH_TTY || env.SSH_CLIENT) return "over SSH";
  if (os !== "linux") return undefined;
  const container = isFile("/.dockerenv") || isFile("/run/.containerenv") ||
    env.KUBERNETES_SERVICE_HOST;
  if (container) return "in a container";
  if (
    env.WSL_DISTRO_NAME || env.WSL_INTEROP || isFile("/proc/sys/fs/binfmt_misc/WSLInterop")
  ) return inWsl;
  const screen = env.DISPLAY || env.WAYLAND_DISPLAY || env.BROWSER;
  return screen ? undefined : "without a screen";
}
