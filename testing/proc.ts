/**
 * What other users of a machine could see of a program: the arguments and environments of all its
 * children, sampled from Linux's /proc as fast as one thread can.
 *
 * @module
 */

/** A process as it was seen; one that runs another program counts as two. */
export interface SeenProcess {
  pid: number;
  parent: number;
  argv: string[];
  /** `NAME=value`; empty when it could not be read. */
  environ: string[];
}

/** A running sampler. */
export interface Sampler extends AsyncDisposable {
  /** Stops and returns each distinct process state seen. Further calls return the same. */
  stop: () => Promise<SeenProcess[]>;
}

/** Whether this machine has a /proc to sample. */
export function canSample(): boolean {
  return Deno.build.os === "linux";
}

/**
 * Starts to sample every descendant of `pid`, and resolves once it does. The default, this process,
 * lets a sampler run before the program under test is started, so that nothing is missed.
 *
 * ```ts
 * await using sampler = await sampleChildren();
 * await runCli(["login"]);
 * const seen = await sampler.stop();
 * ```
 */
export async function sampleChildren(pid: number = Deno.pid): Promise<Sampler> {
  // a thread of its own, as reading must not wait for the test nor the test for it
  const worker = new Worker(new URL("./proc_worker.ts", import.meta.url), { type: "module" });
  const flag = new Int32Array(new SharedArrayBuffer(4));
  const ready = Promise.withResolvers<void>();
  const result = Promise.withResolvers<SeenProcess[]>();
  worker.onmessage = ({ data }: MessageEvent<"ready" | SeenProcess[]>): void => {
    if (data === "ready") ready.resolve();
    else result.resolve(data);
  };
  worker.onerror = (event): void => {
    event.preventDefault();
    ready.reject(new Error(event.message));
    result.reject(new Error(event.message));
  };
  result.promise.catch(() => {}); // reported by stop(), if anybody asks
  worker.postMessage({ pid, flag });
  let stopped: Promise<SeenProcess[]> | undefined;
  const stop = async (): Promise<SeenProcess[]> => {
    Atomics.store(flag, 0, 1);
    try {
      return await result.promise;
    } finally {
      worker.terminate();
    }
  };
  try {
    await ready.promise;
  } catch (error) {
    worker.terminate();
    throw error;
  }
  return {
    stop: () => stopped ??= stop(),
    async [Symbol.asyncDispose](): Promise<void> {
      await (stopped ??= stop());
    },
  };
}

/** Of `seen`, the process `pid` and all below it: other tests of this process have children, too. */
export function familyOf(seen: SeenProcess[], pid: number): SeenProcess[] {
  const family = new Set([pid]);
  for (let size = 0; size < family.size;) {
    size = family.size;
    for (const process of seen) if (family.has(process.parent)) family.add(process.pid);
  }
  return seen.filter((process) => family.has(process.pid));
}
