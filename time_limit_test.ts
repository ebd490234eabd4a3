import assert from "node:assert/strict";
import { startTimeLimit, type TimeLimit } from "./time_limit.ts";

/** A limit of 30 ms for machines and `personSeconds` for people; resolves with which was over. */
function limited(
  personSeconds: number,
  work: (limit: TimeLimit) => Promise<void>,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const limit = startTimeLimit({
      seconds: 0.03,
      over: () => resolve("over"),
      personSeconds,
      unanswered: () => resolve("unanswered"),
    });
    work(limit).catch(reject);
  });
}

const after = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

Deno.test("the limit is over in its time", async () => {
  assert.equal(await limited(0, () => Promise.resolve()), "over");
});

Deno.test("the clock stands still while a person is asked, and goes on afterwards", async () => {
  const events: string[] = [];
  const end = limited(60, async (limit) => {
    await limit.asking(async () => {
      await Promise.all([after(80), limit.asking(() => after(20))]);
    });
    events.push("answered");
  });
  events.push(await end);
  assert.deepEqual(events, ["answered", "over"]);
});

Deno.test("a question that nobody answers ends too", async () => {
  assert.equal(
    await limited(0.04, (limit) => limit.asking(() => after(60))),
    "unanswered",
  );
  await after(100);
});

Deno.test("a lifted limit is never over, whatever is asked afterwards", async () => {
  let ended = false;
  const over = (): void => {
    ended = true;
  };
  const limit = startTimeLimit({ seconds: 0.01, over, personSeconds: 0.01, unanswered: over });
  limit.lift();
  await limit.asking(() => after(30));
  await after(30);
  assert(!ended);
});
