import assert from "node:assert/strict";
import { join } from "node:path";
import { lockFolder, LockTimeout, removeLeftovers, replaceFile, tryLockFile } from "./file_lock.ts";

const options = { timeoutMs: 20_000 };

Deno.test("a second owner of a folder's lock waits for the first", async () => {
  await withFolder(async (folder) => {
    const order: string[] = [];
    const first = await lockFolder(folder, options);
    const second = lockFolder(folder, options).then(async (lock) => {
      order.push("second");
      await lock[Symbol.asyncDispose]();
    });
    await new Promise((resolve) => setTimeout(resolve, 60));
    order.push("first ends");
    await first[Symbol.asyncDispose]();
    await second;
    assert.deepEqual(order, ["first ends", "second"]);
    assert.deepEqual(await namesIn(folder), [], "the lock leaves nothing behind");
  });
});

Deno.test("a lock that stays taken ends in LockTimeout", async () => {
  await withFolder(async (folder) => {
    await using _lock = await lockFolder(folder, options);
    await assert.rejects(lockFolder(folder, { timeoutMs: 50 }), LockTimeout);
  });
});

Deno.test("the wait for a lock can be aborted", async () => {
  await withFolder(async (folder) => {
    await using _lock = await lockFolder(folder, options);
    const reason = new Error("stop");
    const controller = new AbortController();
    const wait = lockFolder(folder, { timeoutMs: 20_000, signal: controller.signal });
    setTimeout(() => controller.abort(reason), 30);
    await assert.rejects(wait, reason);
  });
});

Deno.test("a folder that does not exist cannot be locked", async () => {
  await assert.rejects(lockFolder("/nonexistent/folder", options), Deno.errors.NotFound);
});

Deno.test("the lock of a file has one owner at a time and is removed", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "lock");
    let owners = 0;
    let turns = 0;
    await Promise.all(Array.from({ length: 20 }, async () => {
      for (let turn = 0; turn < 10;) {
        const lock = await tryLockFile(path);
        if (lock !== undefined) {
          assert.equal(++owners, 1);
          turns++;
          turn++;
          await Promise.resolve();
          owners--;
          await lock[Symbol.asyncDispose]();
        }
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }));
    assert.equal(turns, 200);
    if (Deno.build.os !== "windows") assert.deepEqual(await namesIn(folder), []);
  });
});

Deno.test("replaceFile keeps the old file when it has changed meanwhile", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "a.json");
    await Deno.writeTextFile(path, "old");
    const unchanged = (): Promise<boolean> => Promise.resolve(false);
    assert.equal(await replaceFile(path, new Uint8Array([1]), { unchanged }), false);
    assert.equal(await Deno.readTextFile(path), "old");
    assert.deepEqual(await namesIn(folder), ["a.json"]);
  });
});

Deno.test("the new content lies in a file of mode 0600 until it is renamed", async () => {
  await withFolder(async (folder) => {
    let mode: number | null | undefined;
    await replaceFile(join(folder, "a.json"), new TextEncoder().encode("{}"), {
      unchanged: async () => {
        const [name = ""] = await namesIn(folder);
        mode = (await Deno.stat(join(folder, name))).mode;
        return true;
      },
    });
    if (Deno.build.os !== "windows") assert.equal((mode ?? 0) & 0o777, 0o600);
    assert.deepEqual(await namesIn(folder), ["a.json"]);
  });
});

Deno.test("leftovers of killed processes go, other files stay", async () => {
  await withFolder(async (folder) => {
    for (const name of [".a.json.ecrin-1.tmp", ".b.json.ecrin-1.tmp", "a.json", "a.json.tmp"]) {
      await Deno.writeTextFile(join(folder, name), "");
    }
    await removeLeftovers(join(folder, "a.json"));
    assert.deepEqual(await namesIn(folder), [".b.json.ecrin-1.tmp", "a.json", "a.json.tmp"]);
  });
});

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function namesIn(folder: string): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  return names.sort();
}
