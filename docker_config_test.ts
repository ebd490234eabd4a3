import assert from "node:assert/strict";
import { join } from "node:path";
import {
  credentialStoreFor,
  dockerConfigPath,
  type LoginChange,
  mergeLogins,
  parseDockerConfig,
  readLogin,
  type StoredLogin,
  storeLogin,
} from "./docker_config.ts";
import { exitCodes, UserError } from "./errors.ts";
import { lockFolder } from "./file_lock.ts";
import { Secret } from "./secret.ts";

const host = "222222222222.dkr.ecr.eu-west-1.amazonaws.com";
const login: StoredLogin = { host, username: "AWS", password: new Secret("made:up") };
const auth = btoa("AWS:made:up");
const other = "other.example";
const otherAuth = btoa("ann:other");

// where the file is

const places: [env: Record<string, string>, expected: string][] = [
  [{ HOME: "/home/ann" }, "/home/ann/.docker/config.json"],
  [{ HOME: "/home/ann", DOCKER_CONFIG: "" }, "/home/ann/.docker/config.json"],
  [{ HOME: "/home/ann", DOCKER_CONFIG: "/etc/docker" }, "/etc/docker/config.json"],
  [{ DOCKER_CONFIG: "relative" }, "relative/config.json"],
];

for (const [env, expected] of places) {
  const ignore = Deno.build.os === "windows";
  Deno.test({ name: `docker's config with ${JSON.stringify(env)} is ${expected}`, ignore }, () => {
    assert.equal(dockerConfigPath(env), expected);
  });
}

Deno.test("without HOME and DOCKER_CONFIG there is no place for docker's config", () => {
  assert.throws(() => dockerConfigPath({}), { code: "no-home-folder", exitCode: exitCodes.usage });
});

// what a file says

const stores: { config: unknown; expected: string | undefined }[] = [
  { config: {}, expected: undefined },
  { config: { credsStore: "pass" }, expected: "pass" },
  { config: { CredsStore: "pass" }, expected: "pass" },
  { config: { credsStore: "" }, expected: undefined },
  { config: { credsStore: null, credHelpers: null }, expected: undefined },
  { config: { credsStore: "pass", credHelpers: { [host]: "ecr-login" } }, expected: "ecr-login" },
  { config: { credsStore: "pass", credHelpers: { [host]: "" } }, expected: undefined },
  { config: { credsStore: "pass", credHelpers: { "example.com": "x" } }, expected: "pass" },
];

for (const { config, expected } of stores) {
  Deno.test(`the store with ${JSON.stringify(config)} is ${expected ?? "the file"}`, () => {
    const parsed = parseDockerConfig(JSON.stringify(config), "config.json");
    assert.equal(credentialStoreFor(parsed, host), expected);
  });
}

const malformed: [text: string, place: string, fault: string][] = [
  ["", "1:1", "the file is empty"],
  [" \n", "1:1", "the file is empty"],
  ["\uFEFF{}", "1:1", "starts with a byte order mark, which docker cannot read"],
  ["null", "1:1", "the file is not an object"],
  ["[]", "1:1", "the file is not an object"],
  ['{\n  "auths": {},\n}', "3:1", "expected a name in double quotes"],
  ['{\n  "auths": {', "2:13", "expected a name in double quotes, found the end"],
  ['{"auths":{}} hunter2', "1:14", "expected nothing after the closing bracket"],
  ['{"auths":{}}{}', "1:13", "expected nothing after the closing bracket"],
  ['{"auths": [1]}', "1:11", '"auths" is not an object'],
  ['{"auths": {"a": "hunter2"}}', "1:17", 'an entry of "auths" is not an object'],
  ['{"auths": {"a": {"auth": 7}}}', "1:26", '"auth" is not a string'],
  ['{"auths": {"a": {"auth": "hunter2"}}}', "1:26", '"auth" is not base64 of username:password'],
  [
    '{"auths": {"a": {"auth": "aHVudGVyMg=="}}}',
    "1:26",
    '"auth" is not base64 of username:password',
  ],
  ['{"credHelpers": "x"}', "1:17", '"credHelpers" is not an object'],
  ['{"credHelpers": {"a": 1}}', "1:23", 'an entry of "credHelpers" is not a string'],
  ['{"credsStore": {}}', "1:16", '"credsStore" is not a string'],
];

for (const [text, place, fault] of malformed) {
  Deno.test(`a config ${JSON.stringify(text)} is refused: ${place}: ${fault}`, async () => {
    await withFolder(async (folder) => {
      const path = join(folder, "config.json");
      await Deno.writeTextFile(path, text);
      const error = await failure(storeLogin(path, [login]));
      assert.equal(error.message, `docker's config is malformed: ${path}:${place}: ${fault}`);
      assert.equal(error.code, "docker-config-malformed");
      assert.equal(error.exitCode, exitCodes.tool);
      assert.ok(error.hint);
      assert.ok(!Deno.inspect(error).includes("hunter2"), "the content is not shown");
      assert.equal(await Deno.readTextFile(path), text);
      assert.deepEqual(await namesIn(folder), ["config.json"]);
    });
  });
}

Deno.test("a config in UTF-16 is refused", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "config.json");
    const bytes = new Uint8Array([0xff, 0xfe, 0x7b, 0, 0x7d, 0]);
    await Deno.writeFile(path, bytes);
    const error = await failure(storeLogin(path, [login]));
    assert.equal(error.message, `docker's config is malformed: ${path}:1:1: is not in UTF-8`);
    assert.deepEqual(await Deno.readFile(path), bytes);
  });
});

Deno.test("a login is read as it was written, at its first colon", async () => {
  const text = await mergeLogins(undefined, [login], "config.json");
  const read = await readLogin(parseDockerConfig(text, "config.json"), host);
  assert.deepEqual([read?.username, read?.password.reveal()], ["AWS", "made:up"]);
  assert.equal(await readLogin(parseDockerConfig(text, "config.json"), other), undefined);
});

// what a change makes of a file

const merges: { name: string; text?: string; changes?: LoginChange[]; expected: string }[] = [
  {
    name: "a new file looks as docker writes it",
    expected: `{\n\t"auths": {\n\t\t"${host}": {\n\t\t\t"auth": "${auth}"\n\t\t}\n\t}\n}`,
  },
  {
    name: "unknown keys, order, duplicates and numbers stay",
    text: '{ "2": 1.0, "1": [1,2], "x": 12345678901234567890, "x": {}, "auths": { } }\n',
    expected:
      `{ "2": 1.0, "1": [1,2], "x": 12345678901234567890, "x": {}, "auths": {"${host}":{"auth":"${auth}"}} }\n`,
  },
  {
    name: "two spaces, and a newline at the end",
    text: `{\n  "auths": {\n    "${other}": {\n      "auth": "${otherAuth}"\n    }\n  }\n}\n`,
    expected:
      `{\n  "auths": {\n    "${other}": {\n      "auth": "${otherAuth}"\n    },\n    "${host}": {\n      "auth": "${auth}"\n    }\n  }\n}\n`,
  },
  {
    name: "minified",
    text: `{"auths":{"${other}":{"auth":"${otherAuth}"}},"currentContext":"x"}`,
    expected:
      `{"auths":{"${other}":{"auth":"${otherAuth}"},"${host}":{"auth":"${auth}"}},"currentContext":"x"}`,
  },
  {
    name: "auths that are missing come last",
    text: '{\r\n    "psFormat": "x"\r\n}\r\n',
    expected:
      `{\r\n    "psFormat": "x",\r\n    "auths": {\r\n        "${host}": {\r\n            "auth": "${auth}"\r\n        }\r\n    }\r\n}\r\n`,
  },
  {
    name: "auths of null",
    text: '{"auths":null}',
    expected: `{"auths":{"${host}":{"auth":"${auth}"}}}`,
  },
  {
    name: "Auths, which docker takes as well",
    text: '{"Auths":{}}',
    expected: `{"Auths":{"${host}":{"auth":"${auth}"}}}`,
  },
  {
    name: "an older login is replaced, with all that docker would prefer to it",
    text:
      `{"auths":{"${host}":{"identitytoken":"x","auth":"${otherAuth}","email":"a@b","password":"x"}}}`,
    expected: `{"auths":{"${host}":{"auth":"${auth}","email":"a@b"}}}`,
  },
  {
    name: "the same login changes nothing",
    text: `{"auths" : {"${host}":{ "auth" :"${auth}"}}}`,
    expected: `{"auths" : {"${host}":{ "auth" :"${auth}"}}}`,
  },
  {
    name: "a login that went to a store leaves an empty entry",
    text: `{"auths":{"${host}":{"auth":"${otherAuth}"}}}`,
    changes: [{ host, action: "in-store" }, { host: other, action: "in-store" }],
    expected: `{"auths":{"${host}":{},"${other}":{}}}`,
  },
  {
    name: "a login is removed in each spelling that docker logout knows",
    text: `{"auths":{"${other}":{},"${host}":{},"https://${host}":{},"https://${host}/v1/":{}}}`,
    changes: [{ host, action: "remove" }],
    expected: `{"auths":{"${other}":{},"https://${host}/v1/":{}}}`,
  },
  {
    name: "many changes at once",
    text: `{"auths":{"${other}":{}}}`,
    changes: [login, { host: other, action: "remove" }, { ...login, host: "b.example" }],
    expected: `{"auths":{"${host}":{"auth":"${auth}"},"b.example":{"auth":"${auth}"}}}`,
  },
];

for (const { name, text, changes = [login], expected } of merges) {
  Deno.test(`merging: ${name}`, async () => {
    const merged = await mergeLogins(text, changes, "config.json");
    assert.equal(merged, expected);
    assert.equal(await mergeLogins(merged, changes, "config.json"), merged, "again");
  });
}

// the file itself

const onUnix = Deno.build.os !== "windows";

Deno.test({ name: "a new file is 0600 in a folder of 0700", ignore: !onUnix }, async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "home/.docker/config.json");
    await storeLogin(path, [login]);
    await assertStored(path);
    assert.equal(await modeOf(path), 0o600);
    assert.equal(await modeOf(join(folder, "home/.docker")), 0o700);
    assert.deepEqual(await namesIn(join(folder, "home/.docker")), ["config.json"]);
  });
});

for (const mode of [0o600, 0o640, 0o644, 0o444]) {
  const name = `mode ${mode.toString(8)} stays`;
  Deno.test({ name, ignore: !onUnix }, async () => {
    await withFolder(async (folder) => {
      const path = join(folder, "config.json");
      await Deno.writeTextFile(path, "{}");
      await Deno.chmod(path, mode);
      await storeLogin(path, [login]);
      await assertStored(path);
      assert.equal(await modeOf(path), mode);
    });
  });
}

Deno.test({ name: "the owner stays", ignore: !needs("root", Deno.uid() === 0) }, async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "config.json");
    await Deno.writeTextFile(path, "{}");
    await Deno.chown(path, 1234, 2345);
    await storeLogin(path, [login]);
    const { uid, gid } = await Deno.stat(path);
    assert.deepEqual([uid, gid], [1234, 2345]);
  });
});

Deno.test({ name: "a symlink stays, and its target is written", ignore: !onUnix }, async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "config.json");
    await Deno.mkdir(join(folder, "dotfiles"));
    await Deno.writeTextFile(join(folder, "dotfiles/docker.json"), "{}");
    await Deno.symlink("dotfiles/docker.json", join(folder, "link"));
    await Deno.symlink("link", path);
    await storeLogin(path, [login]);
    assert.equal(await Deno.readLink(path), "link");
    assert.ok((await Deno.lstat(join(folder, "dotfiles/docker.json"))).isFile);
    await assertStored(join(folder, "dotfiles/docker.json"));
    assert.deepEqual(await namesIn(join(folder, "dotfiles")), ["docker.json"]);
  });
});

Deno.test({ name: "the target of a dangling symlink is made", ignore: !onUnix }, async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(join(folder, "real/.docker"), { recursive: true });
    await Deno.symlink("real/.docker", join(folder, "docker"));
    const path = join(folder, "docker/config.json");
    await Deno.symlink("../new/config.json", path);
    await storeLogin(path, [login]);
    assert.equal(await Deno.readLink(path), "../new/config.json");
    await assertStored(join(folder, "real/new/config.json"));
  });
});

const obstacles: { name: string; make: (path: string) => Promise<void>; expected: RegExp }[] = [
  {
    name: "a folder",
    make: (path) => Deno.mkdir(path),
    expected: /^docker's config is not a file: /,
  },
  {
    name: "a circle of symlinks",
    make: (path) => Deno.symlink(path, path),
    expected: /: its symlinks lead in a circle$/,
  },
];

for (const { name, make, expected } of obstacles) {
  Deno.test({ name: `${name} in place of the file is an error`, ignore: !onUnix }, async () => {
    await withFolder(async (folder) => {
      const path = join(folder, "config.json");
      await make(path);
      const error = await failure(storeLogin(path, [login]));
      assert.match(error.message, expected);
      assert.match(error.code, /^docker-config-/);
      assert.equal(error.exitCode, exitCodes.tool);
      assert.ok(error.hint);
      assert.deepEqual(await namesIn(folder), ["config.json"]);
    });
  });
}

Deno.test("a file in place of the folder is an error", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "file"), "");
    const error = await failure(storeLogin(join(folder, "file/config.json"), [login]));
    assert.equal(error.code, "docker-config-unwritable");
    assert.match(error.message, /: something that is no folder is in the way$/);
  });
});

Deno.test({
  name: "a folder that belongs to someone else is an error",
  ignore: !needs("a user other than root", onUnix && Deno.uid() !== 0),
}, async () => {
  await withFolder(async (folder) => {
    await Deno.chmod(folder, 0o500);
    const path = join(folder, "config.json");
    const error = await failure(storeLogin(path, [login]));
    await Deno.chmod(folder, 0o700);
    assert.equal(error.message, `cannot change ${path}: permission denied`);
    assert.match(error.hint ?? "", /^run: sudo chown/);
  });
});

// disks: full, read-only, mounted file by file

const canMount = needs("root that can mount", await tryMount());

Deno.test({ name: "a full disk leaves the old file as it was", ignore: !canMount }, async () => {
  await withDisk(async (disk) => {
    const path = join(disk, "config.json");
    const old = `{"auths":{"${other}":{"auth":"${otherAuth}"}}}`;
    await Deno.writeTextFile(path, old);
    await fill(disk);
    const error = await failure(storeLogin(path, [login]));
    assert.equal(error.message, `cannot change ${path}: no space left on the disk`);
    assert.equal(error.code, "docker-config-unwritable");
    assert.equal(await Deno.readTextFile(path), old);
    assert.deepEqual(await namesIn(disk), ["config.json", "filler"]);
  });
});

Deno.test({ name: "a read-only disk is an error", ignore: !canMount }, async () => {
  await withDisk(async (disk) => {
    const path = join(disk, "config.json");
    await Deno.writeTextFile(path, "{}");
    assert.ok(await succeeds("mount", "-o", "remount,ro", disk));
    for (const place of [path, join(disk, "sub/config.json")]) {
      const error = await failure(storeLogin(place, [login]));
      assert.equal(error.message, `cannot change ${place}: the file system is read-only`);
    }
    assert.equal(await Deno.readTextFile(path), "{}");
  });
});

Deno.test({ name: "a bind-mounted file is written in place", ignore: !canMount }, async () => {
  await withFolder(async (folder) => {
    const source = join(folder, "source.json");
    const path = join(folder, "config.json");
    await Deno.writeTextFile(source, '{"auths":{}}');
    await Deno.writeTextFile(path, "");
    assert.ok(await succeeds("mount", "--bind", source, path));
    const reports: string[] = [];
    try {
      await storeLogin(path, [login], { report: (line) => reports.push(line) });
      await assertStored(source);
      assert.equal(reports.length, 1);
      assert.match(reports[0] ?? "", /^wrote .* in place: .*\(EBUSY\)$/);
    } finally {
      await succeeds("umount", path);
    }
    assert.deepEqual(await namesIn(folder), ["config.json", "source.json"]);
  });
});

Deno.test({
  name: "a bind-mounted file on a full disk stays as it was",
  ignore: !canMount,
}, async () => {
  await withDisk(async (disk) => {
    await withFolder(async (folder) => {
      const source = join(disk, "source.json");
      const path = join(folder, "config.json");
      // one page, such that a longer file needs another one
      const old = `{"x":"${"x".repeat(4060)}","auths":{}}`;
      await Deno.writeTextFile(source, old);
      await Deno.writeTextFile(path, "");
      await fill(disk);
      assert.ok(await succeeds("mount", "--bind", source, path));
      try {
        const error = await failure(storeLogin(path, [login]));
        assert.equal(error.message, `cannot change ${path}: no space left on the disk`);
        assert.equal(await Deno.readTextFile(source), old);
      } finally {
        await succeeds("umount", path);
      }
    });
  });
});

Deno.test({
  name: "a file in a folder that takes no new files is written in place",
  ignore: !canMount,
}, async () => {
  await withDisk(async (disk) => {
    await withFolder(async (folder) => {
      const path = join(disk, "config.json");
      await Deno.writeTextFile(join(folder, "source.json"), "{}");
      await Deno.writeTextFile(path, "");
      assert.ok(await succeeds("mount", "-o", "remount,ro", disk));
      assert.ok(await succeeds("mount", "--bind", join(folder, "source.json"), path));
      try {
        await storeLogin(path, [login]);
        await assertStored(path);
      } finally {
        await succeeds("umount", path);
      }
    });
  });
});

// credential stores

Deno.test("a login that belongs in a store is not written into the file", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "config.json");
    await Deno.writeTextFile(path, '{"credsStore":"pass"}');
    const error = await failure(storeLogin(path, [login]));
    assert.equal(error.code, "credential-store-configured");
    assert.equal(error.exitCode, exitCodes.tool);
    assert.match(error.message, /credential store "pass"/);
    assert.equal(error.hint, "use --tool docker, or remove credsStore from that file");
    assert.equal(await Deno.readTextFile(path), '{"credsStore":"pass"}');
  });
});

Deno.test("with Amazon's helper nothing needs logging in", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "config.json");
    const text = `{"credHelpers":{"${host}":"ecr-login"}}`;
    await Deno.writeTextFile(path, text);
    const storeWith = (): Promise<void> => assert.fail("nothing is stored");
    const logins = [{ ...login, host: other }, login];
    const error = await failure(storeLogin(path, logins, { storeWith }));
    assert.equal(error.code, "ecr-login-configured");
    assert.match(error.hint ?? "", /^nothing needs logging in there/);
    assert.equal(await Deno.readTextFile(path), text);
  });
});

Deno.test("a login goes to the store of its host, and the file notes that", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "config.json");
    await Deno.writeTextFile(path, `{"credsStore":"pass","credHelpers":{"${other}":""}}`);
    const stored: string[][] = [];
    await storeLogin(path, [login, { ...login, host: other }], {
      storeWith: (helper, { host, password }) => {
        stored.push([helper, host, password.reveal()]);
        return Promise.resolve();
      },
    });
    assert.deepEqual(stored, [["pass", host, "made:up"]]);
    const { auths } = JSON.parse(await Deno.readTextFile(path));
    assert.deepEqual(auths, { [host]: {}, [other]: { auth } });
  });
});

// others at work on the same file

Deno.test("what a program without a lock writes meanwhile stays", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "config.json");
    await Deno.writeTextFile(path, `{"credHelpers":{"${host}":"pass"}}`);
    let stored = 0;
    await storeLogin(path, [login, { ...login, host: "mine.example" }], {
      storeWith: async () => { // between the reading and the writing
        stored++;
        const text = await Deno.readTextFile(path);
        const theirs = { host: other, username: "ann", password: new Secret("other") };
        await Deno.writeTextFile(path, await mergeLogins(text, [theirs], path));
      },
    });
    assert.equal(stored, 1);
    const { auths } = JSON.parse(await Deno.readTextFile(path));
    assert.deepEqual(auths, {
      [other]: { auth: otherAuth },
      [host]: {},
      "mine.example": { auth },
    });
  });
});

Deno.test("a lock that stays taken is an error with a hint", async () => {
  await withFolder(async (folder) => {
    await using _lock = await lockFolder(folder, { timeoutMs: 1000 });
    const path = join(folder, "config.json");
    const error = await failure(storeLogin(path, [login], { lockTimeoutMs: 30 }));
    assert.equal(error.code, "docker-config-locked");
    assert.equal(error.exitCode, exitCodes.tool);
    assert.ok(error.hint);
    const signal = AbortSignal.abort(new Error("stop"));
    await assert.rejects(storeLogin(path, [login], { signal }), { message: "stop" });
    assert.deepEqual(await namesIn(folder), []);
  });
});

Deno.test("20 processes at once all keep their logins", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, ".docker/config.json");
    const children = Array.from({ length: 20 }, (_, index) => storingProcess(path, `h${index}`));
    const results = await Promise.all(children.map((child) => child.output()));
    for (const { code, stderr } of results) {
      assert.equal(code, 0, new TextDecoder().decode(stderr));
    }
    const { auths } = JSON.parse(await Deno.readTextFile(path));
    assert.equal(Object.keys(auths).length, 20);
    assert.deepEqual(await namesIn(join(folder, ".docker")), ["config.json"]);
  });
});

Deno.test("a process killed at any moment leaves a whole file and no lock", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "config.json");
    await storeLogin(path, [{ host: other, username: "ann", password: new Secret("other") }]);
    let written = 0;
    for (let round = 0; round < 25; round++) {
      const before = await Deno.readTextFile(path);
      const child = storingProcess(path, "h", { forever: true });
      const reader = child.stdout.getReader();
      await reader.read(); // it has begun
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
      child.kill("SIGKILL");
      await reader.cancel();
      await child.stderr.cancel();
      await child.status;
      const text = await Deno.readTextFile(path);
      if (text !== before) written++;
      assert.deepEqual(JSON.parse(text).auths[other], { auth: otherAuth });
    }
    assert.ok(written > 0, "no process had the time to write");
    await storeLogin(path, [login], { lockTimeoutMs: 1000 });
    assert.deepEqual(await namesIn(folder), ["config.json"], "leftovers are gone");
  });
});

// the real tools

Deno.test({ name: "docker reads the file", ignore: !await needsTool("docker") }, async () => {
  await withFolder(async (folder) => {
    await storeLogin(join(folder, "config.json"), [{ ...login, username: "its-me" }]);
    // with no daemon to ask, it stops after it has said which login it would use
    const { stdout, stderr } = await new Deno.Command("docker", {
      args: ["--config", folder, "--host", `unix://${folder}/no.sock`, "login", host],
      stdin: "null",
    }).output();
    const text = new TextDecoder();
    const shown = text.decode(stdout) + text.decode(stderr);
    assert.match(shown, /existing credentials.*its-me/);
    assert.doesNotMatch(shown, /WARNING/);
  });
});

Deno.test({ name: "podman reads the file", ignore: !await needsTool("podman") }, async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "auth.json");
    await storeLogin(path, [{ ...login, username: "its-me" }]);
    const { stdout, stderr } = await new Deno.Command("podman", {
      args: ["login", "--get-login", host],
      env: { REGISTRY_AUTH_FILE: path },
      stdin: "null",
    }).output();
    assert.equal(new TextDecoder().decode(stdout), "its-me\n", new TextDecoder().decode(stderr));
  });
});

/** A process of its own that stores a login for `host`, once or again and again. */
function storingProcess(
  path: string,
  host: string,
  { forever = false }: { forever?: boolean } = {},
): Deno.ChildProcess {
  const script = `
    import { storeLogin } from ${JSON.stringify(import.meta.resolve("./docker_config.ts"))};
    import { Secret } from ${JSON.stringify(import.meta.resolve("./secret.ts"))};
    const [path, host, forever] = ${JSON.stringify([path, host, forever])};
    do {
      const password = new Secret("made-up-" + Math.random());
      await storeLogin(path, [{ host, username: "AWS", password }]);
      console.log("stored");
    } while (forever);
  `;
  return new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-lock", "--cached-only", "--ext=ts", script],
    cwd: import.meta.dirname ?? ".",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function assertStored(path: string): Promise<void> {
  const { auths } = JSON.parse(await Deno.readTextFile(path));
  assert.deepEqual(auths[host], { auth });
}

async function failure(promise: Promise<unknown>): Promise<UserError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof UserError, Deno.inspect(error));
    return error;
  }
  return assert.fail("it did not fail");
}

async function modeOf(path: string): Promise<number> {
  return ((await Deno.stat(path)).mode ?? 0) & 0o777;
}

async function namesIn(folder: string): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  return names.sort();
}

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs `body` with a disk of 64 kB. */
async function withDisk(body: (disk: string) => Promise<void>): Promise<void> {
  await withFolder(async (disk) => {
    assert.ok(await succeeds("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk));
    try {
      await body(disk);
    } finally {
      await succeeds("umount", disk);
    }
  });
}

async function tryMount(): Promise<boolean> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return false;
  const folder = await Deno.makeTempDir();
  try {
    return await succeeds("mount", "-t", "tmpfs", "tmpfs", folder) &&
      await succeeds("umount", folder);
  } finally {
    await Deno.remove(folder);
  }
}

async function fill(disk: string): Promise<void> {
  await assert.rejects(Deno.writeFile(join(disk, "filler"), new Uint8Array(100_000)));
}

async function succeeds(command: string, ...args: string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(command, { args, stdin: "null" }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** `met`, after a line about it when it is false. */
function needs(what: string, met: boolean): boolean {
  if (!met) console.log(`skipped: needs ${what}`);
  return met;
}

/** Whether `tool` is installed; it must be where ECRIN_TEST_REQUIRE_ALL is 1. */
async function needsTool(tool: string): Promise<boolean> {
  const found = needs(tool, await succeeds(tool, "--version"));
  if (!found && Deno.env.get("ECRIN_TEST_REQUIRE_ALL") === "1") throw new Error(`needs ${tool}`);
  return found;
}
