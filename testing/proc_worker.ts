/**
 * The thread of `proc.ts`: reads /proc in a loop until told to stop.
 *
 * @module
 */

import type { SeenProcess } from "./proc.ts";

/** What the thread is told to do. */
interface Task {
  pid: number;
  /** Not 0: stop. */
  flag: Int32Array;
}

const thread = self as unknown as {
  onmessage: (event: MessageEvent<Task>) => void;
  postMessage: (message: "ready" | SeenProcess[]) => void;
};

thread.onmessage = ({ data: { pid, flag } }): void => {
  const seen = new Map<string, SeenProcess>();
  sample(pid, seen);
  thread.postMessage("ready");
  // one more round after the flag, so that what lived until then is in it
  for (let last = false; !last;) {
    last = Atomics.load(flag, 0) !== 0;
    sample(pid, seen);
  }
  thread.postMessage([...seen.values()]);
};

function sample(parent: number, seen: Map<string, SeenProcess>): void {
  for (const pid of childrenOf(parent)) {
    const argv = read(`/proc/${pid}/cmdline`);
    const environ = read(`/proc/${pid}/environ`);
    const key = `${pid}\0\0${argv}\0\0${environ}`;
    if (!seen.has(key)) {
      seen.set(key, { pid, parent, argv: fields(argv), environ: fields(environ) });
    }
    sample(pid, seen);
  }
}

/** A process is listed as child of the thread that started it. */
function childrenOf(pid: number): number[] {
  try {
    return [...Deno.readDirSync(`/proc/${pid}/task`)].flatMap(({ name }) =>
      read(`/proc/${pid}/task/${name}/children`).split(" ").filter(Boolean).map(Number)
    );
  } catch {
    return []; // it has ended
  }
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return ""; // it has ended, or is another user's
  }
}

function fields(text: string): string[] {
  return text.split("\0").filter(Boolean);
}
