import assert from "node:assert/strict";
import { exitCodes } from "./errors.ts";
import { dockerConfigPath, shortPath, storeFiles, storePathOf, type StoreTool } from "./stores.ts";
import { requirePrograms, tempHome } from "./testing/cli.ts";
import { startDockerRegistry } from "./testing/docker_registry.ts";

const posix = Deno.build.os !== "windows";
const home = { HOME: "/home/ann", USERPROFILE: "/home/ann" };
const linux = { os: "linux", uid: () => 1000, env: home };

type Env = Record<string, string>;

const paths: [tool: StoreTool | "file", os: string, env: Env, path: string | undefined][] = [
  ["docker", "linux", {}, "/home/ann/.docker/config.json"],
  ["docker", "linux", { DOCKER_CONFIG: "/d" }, "/d/config.json"],
  ["docker", "linux", { HOME: "" }, undefined],
  ["docker", "linux", { HOME: "", DOCKER_CONFIG: "/d" }, "/d/config.json"],
  ["file", "linux", {}, "/home/ann/.docker/config.json"],
  ["nerdctl", "linux", {}, "/home/ann/.docker/config.json"],
  ["oras", "linux", { XDG_RUNTIME_DIR: "/run/user/1000" }, "/home/ann/.docker/config.json"],
  ["podman", "linux", {}, "/run/user/1000/containers/auth.json"],
  ["buildah", "linux", {}, undefined],
  ["skopeo", "linux", {}, "/run/containers/1000/auth.json"],
  ["podman", "linux", { XDG_RUNTIME_DIR: "/x" }, "/x/containers/auth.json"],
  ["podman", "linux", { XDG_RUNTIME_DIR: "/x", DOCKER_CONFIG: "/d" }, "/d/config.json"],
  ["podman", "linux", { REGISTRY_AUTH_FILE: "/a", DOCKER_CONFIG: "/d" }, "/a"],
  ["podman", "darwin", { XDG_RUNTIME_DIR: "/x" }, "/home/ann/.config/containers/auth.json"],
  ["podman", "windows", {}, "/home/ann/.config/containers/auth.json"],
  ["buildah", "linux", { REGISTRY_AUTH_FILE: "/a" }, "/a"],
  ["skopeo", "freebsd", {}, "/run/containers/1000/auth.json"],
  ["helm", "linux", {}, "/home/ann/.config/helm/registry/config.json"],
  ["helm", "linux", { XDG_CONFIG_HOME: "/c" }, "/c/helm/registry/config.json"],
  ["helm", "linux", { HELM_CONFIG_HOME: "/h", XDG_CONFIG_HOME: "/c" }, "/h/registry/config.json"],
  ["helm", "linux", { HELM_REGISTRY_CONFIG: "/r.json", HELM_CONFIG_HOME: "/h" }, "/r.json"],
  ["helm", "darwin", {}, "/home/ann/Library/Preferences/helm/registry/config.json"],
  ["helm", "windows", { APPDATA: "/data" }, "/data/helm/registry/config.json"],
  ["helm", "windows", {}, undefined],
];

for (const [tool, os, env, path] of paths) {
  const set = Object.keys(env).join(" and ") || "nothing set";
  Deno.test({
    name: `the store of ${tool} on ${os} with ${set} is ${path ?? "nowhere"}`,
    ignore: !posix,
    fn: () => {
      assert.equal(storePathOf(tool, { ...linux, os, env: { ...home, ...env } }), path);
    },
  });
}

Deno.test("each file comes once, with the tools that share it", () => {
  assert.deepEqual(
    storeFiles({ ...linux, env: { ...home, DOCKER_CONFIG: "/d" } }).map(({ kind, tools }) => [
      kind,
      tools,
    ]),
    [
      ["docker", ["docker", "nerdctl", "finch", "oras", "podman", "buildah", "skopeo"]],
      ["helm", ["helm"]],
    ],
  );
  assert.equal(storeFiles(linux).length, 4);
  assert.equal(storeFiles({ ...linux, uid: () => 0 }).length, 3);
  assert.deepEqual(storeFiles({ ...linux, env: {}, uid: () => undefined }), []);
});

Deno.test("a path in the home folder is shown with a tilde, any other as it is", () => {
  assert.equal(shortPath("/home/ann/.docker/config.json", linux), "~/.docker/config.json");
  assert.equal(shortPath("/home/anna/config.json", linux), "/home/anna/config.json");
  assert.equal(shortPath("/d/config.json", { ...linux, env: { HOME: "/" } }), "/d/config.json");
});

const dockerPlaces: [env: Record<string, string>, expected: string][] = [
  [{ HOME: "/home/ann" }, "/home/ann/.docker/config.json"],
  [{ HOME: "/home/ann", DOCKER_CONFIG: "" }, "/home/ann/.docker/config.json"],
  [{ HOME: "/home/ann", DOCKER_CONFIG: "/etc/docker" }, "/etc/docker/config.json"],
  [{ DOCKER_CONFIG: "relative" }, "relative/config.json"],
];

for (const [env, expected] of dockerPlaces) {
  Deno.test(
    { name: `docker's config with ${JSON.stringify(env)} is ${expected}`, ignore: !posix },
    () => {
      assert.equal(dockerConfigPath(env), expected);
    },
  );
}

Deno.test("without HOME and DOCKER_CONFIG there is no place for docker's config", () => {
  assert.throws(() => dockerConfigPath({}), { code: "no-home-folder", exitCode: exitCodes.usage });
});

/** The variables that lead a tool to its file, each with folders of a home. */
const places: [name: string, env: (at: (path: string) => string) => Env][] = [
  ["REGISTRY_AUTH_FILE", (at) => ({ REGISTRY_AUTH_FILE: at("auth.json") })],
  ["DOCKER_CONFIG", (at) => ({ DOCKER_CONFIG: at("docker") })],
  ["XDG_RUNTIME_DIR", (at) => ({ XDG_RUNTIME_DIR: at("runtime") })],
];

for (const tool of ["docker", "podman", "buildah", "skopeo"] as const) {
  for (const [variable, envFor] of places) {
    Deno.test({
      name: `${tool} with ${variable} puts its login where it is looked for`,
      ignore: !posix || !requirePrograms([tool, "docker-registry", "htpasswd"]),
      fn: async () => {
        const password = "not-a-secret-password";
        await using registry = await startDockerRegistry({ password });
        await using folder = await tempHome({ "runtime/x": "", "docker/x": "" });
        const env = { HOME: folder.path, ...envFor(folder.at) };
        const { host } = new URL(registry.url);
        const insecure = tool === "docker" ? [] : ["--tls-verify=false"];
        const child = new Deno.Command(tool, {
          args: ["login", "--username", "AWS", "--password-stdin", ...insecure, host],
          clearEnv: true,
          env: { PATH: Deno.env.get("PATH") ?? "", ...env },
          ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
        }).spawn();
        const writer = child.stdin.getWriter();
        await writer.write(new TextEncoder().encode(password));
        await writer.close();
        const { code, stderr } = await child.output();
        assert.equal(code, 0, new TextDecoder().decode(stderr));
        const path = storePathOf(tool, {
          env,
          os: Deno.build.os,
          uid: () => Deno.uid() ?? undefined,
        });
        const { auths } = JSON.parse(await Deno.readTextFile(path ?? ""));
        assert.deepEqual(Object.keys(auths), [host]);
      },
    });
  }
}
