import assert from "node:assert/strict";
import { UserError } from "./errors.ts";
import { chooseTools, findProgram, installHint, parseTool, tools } from "./tools.ts";

function machine(...programs: string[]): Parameters<typeof findProgram>[1] {
  return {
    env: { PATH: "/empty:/usr/bin::/opt/bin" },
    isFile: (path) => programs.includes(path),
    os: "linux",
  };
}

Deno.test("a program is found in the order of PATH", () => {
  const both = machine("/opt/bin/docker", "/usr/bin/docker");
  assert.equal(findProgram("docker", both), "/usr/bin/docker");
  assert.equal(findProgram("podman", both), undefined);
});

Deno.test("on Windows a program is found by its ending", () => {
  const search = {
    env: { Path: "C:\\bin", PATHEXT: ".EXE;.CMD" },
    isFile: (path: string) => path === "C:\\bin\\docker.CMD",
    os: "windows",
  };
  assert.equal(findProgram("docker", search), "C:\\bin\\docker.CMD");
});

for (
  const [programs, chosen] of [
    [["/usr/bin/docker", "/usr/bin/podman"], "docker"],
    [["/usr/bin/podman", "/usr/bin/nerdctl"], "podman"],
    [["/usr/bin/nerdctl", "/usr/bin/finch"], "nerdctl"],
    [["/usr/bin/finch"], "finch"],
    [["/usr/bin/helm", "/usr/bin/skopeo", "/usr/bin/buildah", "/usr/bin/oras"], "file"],
    [[], "file"],
  ] as const
) {
  Deno.test(`with ${programs.join(", ") || "nothing"} installed the default is ${chosen}`, () => {
    assert.deepEqual(chooseTools([], machine(...programs)), [chosen]);
  });
}

Deno.test("tools that were asked for are taken as they are", () => {
  assert.deepEqual(chooseTools(["podman", "file"], machine()), ["podman", "file"]);
});

Deno.test("every program reads its password from stdin and gets it in no argument", () => {
  for (const { name, loginArgs } of tools) {
    assert.deepEqual(loginArgs("h.example"), [
      ...(name === "helm" ? ["registry"] : []),
      "login",
      "--username",
      "AWS",
      "--password-stdin",
      "h.example",
    ]);
  }
});

Deno.test("an unknown tool is refused", () => {
  assert.throws(() => parseTool("rkt"), UserError);
  assert.equal(parseTool("file"), "file");
});

Deno.test("how to install a program depends on the system", () => {
  assert.match(installHint("docker", "darwin"), /brew/);
  assert.match(installHint("docker", "freebsd"), /https:/);
});

Deno.test("the folder one is in is not searched for programs", () => {
  const search = {
    env: { PATH: ":.:bin:./bin:../bin:/usr/bin" },
    isFile: (path: string) => path.endsWith("/docker"),
    os: "linux",
  };
  assert.equal(findProgram("docker", search), "/usr/bin/docker");
});
