import assert from "node:assert/strict";
import { chooseWay, type SignInOptions, type SignInWay } from "./sso_way.ts";

interface Machine {
  options?: SignInOptions;
  env?: Record<string, string>;
  os?: string;
  files?: string[];
  session?: string | undefined;
}

/** The way on a laptop with Linux and a screen, unless `machine` says otherwise. */
function way(machine: Machine): SignInWay {
  const { options = {}, env = { DISPLAY: ":0" }, os = "linux", files = [] } = machine;
  const session = "session" in machine ? machine.session : "corp";
  return chooseWay({ session }, options, { env, os, isFile: (path) => files.includes(path) });
}

const browser: SignInWay = { kind: "browser", openBrowser: true };

const ways: [name: string, machine: Machine, expected: SignInWay][] = [
  ["a laptop with Linux", {}, browser],
  ["Wayland", { env: { WAYLAND_DISPLAY: "wayland-0" } }, browser],
  ["a Mac", { os: "darwin", env: {} }, browser],
  ["Windows", { os: "windows", env: {} }, browser],
  ["a browser of one's own", { env: { BROWSER: "w3m" } }, browser],
  ["SSH to a Mac", { os: "darwin", env: { SSH_CONNECTION: "1.2.3.4 1 5.6.7.8 22" } }, {
    kind: "device",
    openBrowser: false,
    because: "over SSH",
  }],
  ["SSH with X11", { env: { SSH_TTY: "/dev/pts/1", DISPLAY: "localhost:10" } }, {
    kind: "device",
    openBrowser: false,
    because: "over SSH",
  }],
  ["docker", { files: ["/.dockerenv"] }, {
    kind: "device",
    openBrowser: false,
    because: "in a container",
  }],
  ["podman", { files: ["/run/.containerenv"] }, {
    kind: "device",
    openBrowser: false,
    because: "in a container",
  }],
  ["Kubernetes", { env: { KUBERNETES_SERVICE_HOST: "10.0.0.1" } }, {
    kind: "device",
    openBrowser: false,
    because: "in a container",
  }],
  ["a container with a way out to a browser", {
    env: { BROWSER: "/vscode/helpers/browser.sh" },
    files: ["/.dockerenv"],
  }, { kind: "device", openBrowser: true, because: "in a container" }],
  ["WSL", { env: { WSL_DISTRO_NAME: "Debian", DISPLAY: ":0" } }, {
    kind: "device",
    openBrowser: true,
    because: "in WSL",
  }],
  ["no screen", { env: {} }, {
    kind: "device",
    openBrowser: false,
    because: "without a screen",
  }],
  ["the old form", { session: undefined }, {
    kind: "device",
    openBrowser: true,
    because: "without an sso-session",
  }],
  ["--device-code", { options: { deviceCode: true } }, { kind: "device", openBrowser: true }],
  ["--no-browser", { options: { noBrowser: true } }, {
    kind: "device",
    openBrowser: false,
    because: "with --no-browser",
  }],
  ["a forwarded port over SSH", {
    options: { port: 8400 },
    env: { SSH_CONNECTION: "1.2.3.4 1 5.6.7.8 22" },
  }, { kind: "browser", port: 8400, openBrowser: false }],
  ["a port here", { options: { port: 8400 } }, {
    kind: "browser",
    port: 8400,
    openBrowser: true,
  }],
  ["a port and no browser", { options: { port: 8400, noBrowser: true } }, {
    kind: "browser",
    port: 8400,
    openBrowser: false,
  }],
];

for (const [name, machine, expected] of ways) {
  Deno.test(`the way to sign in: ${name}`, () => {
    assert.deepEqual(way(machine), expected);
  });
}
