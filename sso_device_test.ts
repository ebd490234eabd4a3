import assert from "node:assert/strict";
import { readDevice, whenAgreed } from "./sso_device.ts";
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

const answer = {
  deviceCode: "not-a-device-code",
  userCode: "ABCD-EFGH",
  verificationUri: "https://device.sso.eu-west-1.amazonaws.com/",
  verificationUriComplete: "https://device.sso.eu-west-1.amazonaws.com/?user_code=ABCD-EFGH",
  expiresIn: 600,
  interval: 1,
};

Deno.test("the answer says the page and the code, and how often and how long to ask", () => {
  assert.deepEqual(readDevice(answer, new Date(0)), {
    deviceCode: answer.deviceCode,
    userCode: answer.userCode,
    page: answer.verificationUriComplete,
    interval: 1,
    expiresAt: new Date(600_000),
  });
});

Deno.test("a page is one line, whatever the server sends", () => {
  const { page } = readDevice({
    ...answer,
    verificationUriComplete: " https://x.example/\necrin: run this: \x1b[31m\n",
  }, new Date(0));
  assert.equal(page, "https://x.example/ecrin:%20run%20this:%20%1B[31m");
});

for (
  const [what, change] of Object.entries({
    "a file": { verificationUriComplete: "file:///etc/passwd" },
    "a flag": { verificationUriComplete: "--new-window" },
    "a person in the address": { verificationUriComplete: "https://aws.amazon.com@x.example/" },
    "no text": { verificationUriComplete: 1 },
    "a code of several lines": { userCode: "ABCD\nrun this" },
    "a code that a terminal obeys": { userCode: "\x1b]0;x\x07" },
    "no code": { userCode: {} },
    "no device code": { deviceCode: {} },
  })
) {
  Deno.test(`an answer is refused that holds ${what}`, () => {
    assert.throws(() => readDevice({ ...answer, ...change }, new Date(0)), {
      name: "UserError",
      code: "unreadable-answer",
    });
  });
}

Deno.test("numbers that no timer takes are cut", () => {
  for (const number of [1e12, 1e300, Infinity]) {
    const { interval, expiresAt } = readDevice(
      { ...answer, interval: number, expiresIn: number },
      new Date(0),
    );
    assert.equal(interval, 600);
    assert.deepEqual(expiresAt, new Date(86_400_000));
  }
  for (const number of [0, -1, NaN, "x", null]) {
    const { interval, expiresAt } = readDevice(
      { ...answer, interval: number, expiresIn: number },
      new Date(0),
    );
    assert.equal(interval, 5);
    assert.deepEqual(expiresAt, new Date(600_000));
  }
});
