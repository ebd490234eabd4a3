/**
 * Docker's config.json as a file: its mode, owner and links stay, and a disk that takes nothing leaves
 * it as it was.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { storeLogin } from "./docker_config.ts";
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
