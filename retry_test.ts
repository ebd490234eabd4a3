import assert from "node:assert/strict";
import { openRetries, retryAfterOf, statusTrouble } from "./retry.ts";

/** The pauses that `trouble` brings, in seconds, with the longest or the shortest that chance gives. */
async function pauses(
  trouble: Parameters<ReturnType<typeof openRetries>["again"]>[1],
  { random = 0.9999, retryAfter, maxAttempts }: {
    random?: number;
    retryAfter?: number;
    maxAttempts?: string;
  } = {},
): Promise<number[]> {
  const lines: string[] = [];
  const { setTimeout } = globalThis;
  // the pauses themselves are told in the lines
  globalThis.setTimeout = ((work: () => void) => setTimeout(work)) as typeof setTimeout;
  try {
    const retries = openRetries({
      maxAttempts,
      signal: new AbortController().signal,
      report: (line) => lines.push(line),
      random: () => random,
    });
    const what = {};
    for (let tried = 1; tried < 100; tried++) {
      if (!await retries.again(what, trouble, { tried, said: "no", retryAfter })) break;
    }
  } finally {
    globalThis.setTimeout = setTimeout;
  }
  return lines.map((line) => Number(/in (\S+) s/.exec(line)?.[1]));
}

Deno.test("who is throttled waits up to half a second, then twice that, and never over 20 seconds", async () => {
  assert.deepEqual(await pauses("throttled"), [0.5, 1, 2, 4, 8, 16, 20, 20, 20]);
  assert.deepEqual(await pauses("throttled", { random: 0 }), Array(9).fill(0));
});

Deno.test("a network that is not there is given up within seconds", async () => {
  const all = await pauses("refused");
  assert.deepEqual(all, [0.3, 0.6, 1.2]);
});

Deno.test("Retry-After is the least pause, and no reason to wait for an hour", async () => {
  assert.deepEqual((await pauses("throttled", { random: 0, retryAfter: 3000 })).slice(0, 2), [
    3,
    3,
  ]);
  assert.equal((await pauses("failing", { retryAfter: 3_600_000 }))[0], 20);
});

Deno.test("AWS_MAX_ATTEMPTS wins, and what is no number does not count", async () => {
  assert.equal((await pauses("throttled", { maxAttempts: "1" })).length, 0);
  assert.equal((await pauses("refused", { maxAttempts: "7" })).length, 6);
  for (const maxAttempts of ["", "0", "-1", "many", "1000"]) {
    assert.equal((await pauses("refused", { maxAttempts })).length, 3);
  }
});

Deno.test("a pause ends with the run, and there is no other", async () => {
  const run = new AbortController();
  const { signal } = run;
  const retries = openRetries({
    maxAttempts: undefined,
    signal,
    report: () => {},
    random: () => 1,
  });
  const what = {};
  const failed = { tried: 9, said: "Rate exceeded" };
  const waiting = retries.again(what, "throttled", failed);
  assert.equal(retries.pending(), "Rate exceeded (9 tries)");
  run.abort();
  await waiting;
  assert.equal(await retries.again(what, "throttled", { ...failed, tried: 1 }), false);
});

Deno.test("Retry-After is seconds or a date", () => {
  const now = new Date("2026-11-20T21:00:00Z");
  assert.equal(retryAfterOf("7", now), 7000);
  assert.equal(retryAfterOf("Fri, 20 Nov 2026 21:00:05 GMT", now), 5000);
  for (const none of [null, "", "soon", "-3", "Fri, 20 Nov 2026 20:00:00 GMT"]) {
    assert.equal(retryAfterOf(none, now), undefined);
  }
});

Deno.test("only 429 and the 5xx may pass", () => {
  assert.deepEqual([200, 400, 401, 403, 404, 429, 500, 503].map(statusTrouble), [
    ...[undefined, undefined, undefined, undefined, undefined],
    ...["throttled", "failing", "failing"],
  ]);
});
