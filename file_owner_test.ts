/**
 * Files that belong to someone else, in a folder of one's own: as `sudo docker login` leaves them.
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { needs, withFolder } from "./testing/docker_config.ts";

/** Any user but root. */
const ann = 12345;

const asRoot = { ignore: Deno.build.os !== "linux" || !needs("root", Deno.uid() === 0) };

const taken = /^\S+file is yours now: its owner could not be kept\n$/;
const inPlace = /^wrote \S+file in place: a new file could not have its owner\n$/;

/** Files of root's by mode, by whether a secret goes in, who owns them afterwards, what is said. */
const files: [mode: number, secret: boolean, owner: number, after: number, said: RegExp][] = [
  [0o644, false, ann, 0o644, taken],
  [0o666, false, 0, 0o666, inPlace],
  [0o644, true, ann, 0o600, taken],
  [0o666, true, ann, 0o600, taken],
];

for (const [mode, secret, owner, after, said] of files) {
  Deno.test(
    `root's file of mode ${mode.toString(8)} is replaced in one's own folder${
      secret ? " by a secret" : ""
    }`,
    asRoot,
    async () => {
      await withFolder(async (folder) => {
        await Deno.chown(folder, ann, ann);
        await Deno.writeTextFile(`${folder}/file`, "old");
        await Deno.chmod(`${folder}/file`, mode);
        // it may be that nobody else can read the repository
        const code = `${folder}/file_lock.ts`;
        await Deno.copyFile(fileURLToPath(import.meta.resolve("./file_lock.ts")), code);
        await Deno.chmod(code, 0o644);
        const script = `import { replaceFile } from "${code}";
        await replaceFile("${folder}/file", new TextEncoder().encode("new"), {
          report: console.log,
          secret: ${secret},
        });`;
        await Deno.writeTextFile(`${folder}/main.ts`, script, { mode: 0o644 });
        const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
          args: ["run", "-A", "--no-config", "--no-lock", `${folder}/main.ts`],
          cwd: folder,
          clearEnv: true,
          env: { DENO_DIR: `${folder}/deno`, DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
          ...{ uid: ann, gid: ann },
        }).output();
        const text = new TextDecoder();
        assert.match(text.decode(stdout), said, text.decode(stderr));
        assert.equal(await Deno.readTextFile(`${folder}/file`), "new");
        const { uid, mode: now } = await Deno.stat(`${folder}/file`);
        assert.deepEqual([uid, (now ?? 0) & 0o777], [owner, after]);
      });
    },
  );
}
