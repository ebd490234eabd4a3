/**
 * A docker config.json or podman auth.json that cannot be read is refused before any tool can replace
 * it, and is not quoted.
 */

import assert from "node:assert/strict";
import { assertRefused } from "./testing/bad_input.ts";
import { requirePrograms, tempHome } from "./testing/cli.ts";
import { withPrograms } from "./testing/ecrin.ts";

/** Malformed files of the tools: the text, and where the fault is. */
const malformed: Record<string, [text: string, place: string]> = {
  "cut short": ['{"auths": {"quay.io": {"auth": "YWxhZGRpbjpvcGVuc2VzYW1l"', "1:58"],
  "no JSON at all": ["auths: {}\n", "1:1"],
  "a login that docker cannot read": ['{"auths": {"quay.io": {"auth": "%%%"}}}', "1:32"],
  "a list": ["[]", "1:1"],
  "empty": ["", "1:1"],
  "only space": [" \n\n", "1:1"],
};

const programTools = ["docker", "nerdctl", "finch", "oras"] as const;

for (const [name, [text, place]] of Object.entries(malformed)) {
  for (const tool of [...programTools, "file"]) {
    Deno.test(`a config.json that is ${name} is refused before ${tool} can replace it`, async () => {
      await using home = await tempHome();
      for (const program of programTools) {
        await home.writeProgram(
          `bin/${program}`,
          '#!/bin/sh\ncat > /dev/null\necho "{}" > "$HOME/.docker/config.json"\n',
        );
      }
      await assertRefused({
        args: ["--region", "eu-west-1", "--tool", tool],
        env: withPrograms(home),
        files: { ".docker/config.json": text },
        exitCode: 3,
        code: "docker-config-malformed",
        message: new RegExp(`^the file of logins is malformed: /.*/config\\.json:${place}: `),
        hint: text.trim() === "" ? /^run: rm \S+config\.json$/ : /^mend it/,
      });
    });
  }
}

Deno.test("a malformed config.json in DOCKER_CONFIG is refused", async () => {
  await using folder = await tempHome({ "config.json": "{" });
  await using home = await tempHome();
  for (const program of ["docker", "podman"]) {
    await home.writeProgram(
      `bin/${program}`,
      `#!/bin/sh\ncat > /dev/null\necho "{}" > ${folder.at("config.json")}\n`,
    );
    await assertRefused({
      args: ["--region", "eu-west-1", "--tool", program],
      env: { ...withPrograms(home), DOCKER_CONFIG: folder.path },
      exitCode: 3,
      code: "docker-config-malformed",
      message: folder.at("config.json:1:2"),
      hint: /^mend it/,
    });
    assert.equal(await folder.read("config.json"), "{");
  }
});

Deno.test("a malformed auth.json of podman is refused", async () => {
  await using folder = await tempHome({ "containers/auth.json": "{" });
  await using home = await tempHome();
  await home.writeProgram(
    "bin/podman",
    `#!/bin/sh\ncat > /dev/null\necho "{}" > ${folder.at("containers/auth.json")}\n`,
  );
  const files = [
    { REGISTRY_AUTH_FILE: folder.at("containers/auth.json") },
    { XDG_RUNTIME_DIR: folder.path },
  ];
  for (const env of files) {
    await assertRefused({
      args: ["--region", "eu-west-1", "--tool", "podman"],
      env: { ...env, ...withPrograms(home) },
      exitCode: 3,
      code: "docker-config-malformed",
      message: folder.at("containers/auth.json:1:2"),
      hint: /^mend it/,
    });
    assert.equal(await folder.read("containers/auth.json"), "{");
  }
});

Deno.test({
  name: "what is in a malformed config.json is not shown",
  ignore: !requirePrograms(["docker"]),
  fn: async () => {
    const secret = "YWxhZGRpbjpvcGVuc2VzYW1l";
    await assertRefused({
      args: ["--region", "eu-west-1", "--tool", "docker", "--verbose"],
      files: { ".docker/config.json": `{"auths": {"quay.io": {"auth": "${secret}" oops}}}` },
      exitCode: 3,
      code: "docker-config-malformed",
      message: /^(?!.*(YWxh|oops))/,
      hint: /^mend it/,
    });
  },
});
