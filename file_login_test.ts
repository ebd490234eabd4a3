import assert from "node:assert/strict";
import { exitCodes, UserError } from "./errors.ts";
import { openFileLogins } from "./file_login.ts";
import { openHttp } from "./http.ts";
import { Secret } from "./secret.ts";
import { tempHome } from "./testing/cli.ts";

interface Asked {
  readonly path: string;
  readonly authorization: string | null;
}

/** A registry that answers as told, and a login to it with the password `the-password`. */
async function logIn(
  answer: (request: Request, host: string) => Response,
): Promise<{ asked: Asked[]; error: unknown; config: string | undefined }> {
  await using home = await tempHome();
  const asked: Asked[] = [];
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      const { pathname, search, host } = new URL(request.url);
      const authorization = request.headers.get("authorization");
      asked.push({ path: pathname + search, authorization });
      return answer(request, host);
    },
  );
  const { signal } = new AbortController();
  const logIn = openFileLogins({
    signal,
    http: openHttp({ signal, readTextFile: Deno.readTextFile, maxAttempts: "1" }),
    report: () => {},
  }, { env: { HOME: home.path, USERPROFILE: home.path } });
  const login = logIn(
    { host: `127.0.0.1:${server.addr.port}`, account: undefined, protocol: "http:" },
    new Secret("the-password"),
  );
  const error = await login.then(() => undefined, (error: unknown) => error);
  const path = ".docker/config.json";
  const config = await home.exists(path) ? await home.read(path) : undefined;
  return { asked, error, config };
}

const basic = `Basic ${btoa("AWS:the-password")}`;

function challenge(realm: string): Response {
  const value = `Bearer realm="${realm}",service="public.ecr.aws",scope="aws"`;
  return new Response("Not Authorized", { status: 401, headers: { "www-authenticate": value } });
}

Deno.test("a registry that takes the password gets it once, and the file has it", async () => {
  const { asked, error, config } = await logIn(() => new Response());
  assert.equal(error, undefined);
  assert.deepEqual(asked, [{ path: "/v2/", authorization: basic }]);
  assert.ok(config?.includes(btoa("AWS:the-password")));
});

Deno.test("a registry that wants a token is asked for one with the password", async () => {
  const { asked, error } = await logIn((request, host) => {
    if (new URL(request.url).pathname === "/token/") return Response.json({ token: "the-token" });
    if (request.headers.get("authorization") === "Bearer the-token") return new Response();
    return challenge(`http://${host}/token/`);
  });
  assert.equal(error, undefined);
  assert.deepEqual(asked, [
    { path: "/v2/", authorization: basic },
    { path: "/token/?service=public.ecr.aws&scope=aws", authorization: basic },
    { path: "/v2/", authorization: "Bearer the-token" },
  ]);
});

for (
  const [what, realm] of [
    ["another host", () => "http://127.0.0.2:9/token/"],
    ["another port", () => "http://127.0.0.1:9/token/"],
    ["another scheme", (host: string) => `https://${host}/token/`],
    ["a look-alike", (host: string) => `http://${host}@127.0.0.2:9/token/`],
    ["no URL", () => "%%%"],
    ["nothing", () => ""],
  ] as const
) {
  Deno.test(`a token service at ${what} does not get the password`, async () => {
    const { asked, error, config } = await logIn((_, host) => challenge(realm(host)));
    assert(error instanceof UserError);
    assert.equal(error.code, "registry-refused");
    assert.deepEqual(asked.map(({ path }) => path), ["/v2/"]);
    assert.equal(config, undefined);
  });
}

for (
  const [what, body] of [
    ["no JSON", "<html>"],
    ["no token", "{}"],
    ["null", "null"],
    ["a token with a line break", JSON.stringify({ token: "a\nb" })],
  ] as const
) {
  Deno.test(`a token service that answers with ${what} is no login`, async () => {
    const { error, config } = await logIn((request, host) =>
      new URL(request.url).pathname === "/token/"
        ? new Response(body)
        : challenge(`http://${host}/token/`)
    );
    assert(error instanceof UserError, String(error));
    assert.equal(config, undefined);
  });
}

Deno.test("a redirect does not get the password", async () => {
  const { asked, error, config } = await logIn((_, host) =>
    Response.redirect(`http://${host}/elsewhere`, 307)
  );
  assert(error instanceof UserError);
  assert.deepEqual(asked.map(({ path }) => path), ["/v2/"]);
  assert.equal(config, undefined);
});

Deno.test("an answer that breaks off is the network's fault, not a bug", async () => {
  const { error, config } = await logIn(() =>
    new Response(
      new ReadableStream({
        start(controller): void {
          controller.enqueue(new TextEncoder().encode("not all of"));
        },
        pull(controller): void {
          controller.error(new Error("broken off"));
        },
      }),
      { status: 401, headers: { "content-length": "1000" } },
    )
  );
  assert(error instanceof UserError, String(error));
  assert.equal(error.exitCode, exitCodes.network);
  assert.equal(config, undefined);
});
