import assert from "node:assert/strict";
import { whenAgreed } from "./sso_device.ts";
import type { NewToken } from "./sso_token.ts";

const token: NewToken = { accessToken: "not-a-token", expiresIn: 3600, refreshToken: undefined };

interface Attempt {
  /** What AWS answers, in turn: the name of a refusal, or a token at last. */
  answers: (string | NewToken)[];
  interval: number;
  life?: number;
}

/** Asks with a clock that only waiting moves; returns the waits, in seconds, and the end. */
async function polled(
  { answers, interval, life = 600 }: Attempt,
): Promise<{ waits: number[]; end: NewToken | string }> {
  const waits: number[] = [];
  let time = 0;
  const left = [...answers];
  try {
    const end = await whenAgreed({ interval, expiresAt: new Date(life * 1000) }, {
      now: () => new Date(time),
      pause: (seconds) => {
        waits.push(seconds);
        time += seconds * 1000;
        return Promise.resolve();
      },
      ask: () => {
        const answer = left.shift() ?? "AuthorizationPendingException";
        if (typeof answer !== "string") return Promise.resolve(answer);
        return Promise.reject(Object.assign(new Error(), { name: answer }));
      },
    });
    return { waits, end };
  } catch (error) {
    assert(error instanceof Error);
    return { waits, end: error.name };
  }
}

const pending = "AuthorizationPendingException";

Deno.test("AWS is asked at its interval until the person agreed", async () => {
  assert.deepEqual(await polled({ answers: [pending, pending, token], interval: 2 }), {
    waits: [2, 2, 2],
    end: token,
  });
});

Deno.test("each slow_down makes the wait five seconds longer, for good", async () => {
  const slow = "SlowDownException";
  assert.deepEqual(await polled({ answers: [slow, pending, slow, token], interval: 1 }), {
    waits: [1, 6, 6, 11],
    end: token,
  });
});

Deno.test("the end of the code ends the questions, whether AWS says so or not", async () => {
  assert.deepEqual(await polled({ answers: [], interval: 5, life: 12 }), {
    waits: [5, 5, 5],
    end: "ExpiredTokenException",
  });
  assert.deepEqual(await polled({ answers: [pending, "ExpiredTokenException"], interval: 5 }), {
    waits: [5, 5],
    end: "ExpiredTokenException",
  });
});

Deno.test("any other refusal is the end", async () => {
  for (const name of ["AccessDeniedException", "InvalidClientException", "NetworkError"]) {
    assert.deepEqual(await polled({ answers: [name, token], interval: 1 }), {
      waits: [1],
      end: name,
    });
  }
});
