/**
 * Docker's config.json as a file: its mode, owner and links stay, and a disk that takes nothing leaves
 * it as it was.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { storeLogin } from "./docker_config_file.ts";
import { exitCodes } from "./errors.ts";
import { succeeds } from "./testing/disks.ts";
import {
  assertStored,
  failure,
  login,
  modeOf,
  namesIn,
  needs,
  other,
  otherAuth,
  withFolder,
} from "./testing/docker_config.ts";

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
    expected: /config\.json is not a file$/,
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

Deno.test("a malformed file is refused, and stays as it is", async () => {
  const utf16 = new Uint8Array([0xff, 0xfe, 0x7b, 0, 0x7d, 0]);
  const texts: [bytes: Uint8Array, fault: string][] = [
    [utf16, "is not in UTF-8"],
    [new TextEncoder().encode("[]"), "the file is not an object"],
    [new Uint8Array(), "the file is empty"],
  ];
  for (const [bytes, fault] of texts) {
    await withFolder(async (folder) => {
      const path = join(folder, "auth.json");
      await Deno.writeFile(path, bytes);
      const error = await failure(storeLogin(path, [login]));
      assert.equal(error.message, `the file of logins is malformed: ${path}:1:1: ${fault}`);
      assert.deepEqual(await Deno.readFile(path), bytes);
      assert.deepEqual(await namesIn(folder), ["auth.json"]);
    });
  }
});

/** Files by the names that they have where no variable is set, and what leads a tool elsewhere. */
const elsewhere: [file: string, way: string][] = [
  ["docker/config.json", "set DOCKER_CONFIG to another folder"],
  ["containers/auth.json", "set REGISTRY_AUTH_FILE to another file"],
  ["helm/registry/config.json", "set HELM_REGISTRY_CONFIG to another file"],
  ["mine.json", "name another file"],
];

for (const [file, way] of elsewhere) {
  Deno.test(`where ${file} cannot be used the way round is to ${way}`, async () => {
    await withFolder(async (folder) => {
      const path = join(folder, file);
      await Deno.mkdir(path, { recursive: true });
      const error = await failure(storeLogin(path, [login]));
      assert.equal(error.message, `${path} is not a file`);
      assert.equal(error.hint, `move it away, or ${way}`);
    });
  });
}

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
