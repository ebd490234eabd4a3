import assert from "node:assert/strict";
import { UserError } from "./errors.ts";
import { faultOf, type Http, type HttpOptions, NetworkError, openHttp } from "./http.ts";

function open(options: Partial<HttpOptions> = {}): Http {
  return openHttp({
    signal: new AbortController().signal,
    readTextFile: () => Promise.reject(new Deno.errors.NotFound()),
    ...options,
  });
}

/** A loopback server, and its address. */
function serve(
  handler: (request: Request) => Response | Promise<Response>,
): { url: string } & AsyncDisposable {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

for (
  const [message, fault] of [
    ["client error (Connect): tcp connect error: Connection refused (os error 111)", "refused"],
    ["client error (Connect): dns error: failed to lookup address information", "dns"],
    ["client error (Connect): unsuccessful tunnel", "proxy"],
    ["client error (Connect): invalid peer certificate: UnknownIssuer", "certificate"],
    ["client error (SendRequest): connection closed before message completed", "closed"],
    ["connection error: Connection reset by peer (os error 104)", "closed"],
    ["client error (Connect): operation timed out", "timeout"],
    ["Network is unreachable (os error 101)", "unreachable"],
  ] as const
) {
  Deno.test(`"${message}" is the fault ${fault}`, () => {
    assert.equal(faultOf(new TypeError("fetch failed", { cause: new Error(message) })), fault);
  });
}

Deno.test("a refused connection names its host, and is worth another try", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await assert.rejects(open().fetch(`http://127.0.0.1:${port}/`), (error: unknown) => {
    assert(error instanceof NetworkError);
    assert.deepEqual([error.host, error.fault], [`127.0.0.1:${port}`, "refused"]);
    assert.deepEqual(error.$retryable, { throttling: false });
    return true;
  });
});

Deno.test("a redirect is answered to the caller, not followed with the password", async () => {
  let asked = 0;
  await using server = serve(() => {
    asked++;
    return new Response(null, { status: 302, headers: { location: "/elsewhere" } });
  });
  const response = await open().fetch(server.url, { headers: { authorization: "Basic x" } });
  await response.body?.cancel();
  assert.deepEqual([response.status, asked], [302, 1]);
});

Deno.test("the end of the run ends its requests, with the run's reason", async () => {
  const run = new AbortController();
  const reason = new Error("interrupted");
  const arrived = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  await using server = serve(async () => {
    arrived.resolve();
    await released.promise;
    return new Response();
  });
  const answer = open({ signal: run.signal }).fetch(server.url);
  await arrived.promise;
  run.abort(reason);
  await assert.rejects(answer, reason);
  released.resolve();
});

Deno.test("the first request is told while its answer is awaited", async () => {
  const released = Promise.withResolvers<void>();
  await using server = serve(async () => {
    await released.promise;
    return new Response("answer");
  });
  const http = open();
  const answer = http.fetch(server.url);
  await http.firstRequest;
  released.resolve();
  assert.equal(await (await answer).text(), "answer");
});

for (
  const [what, readTextFile] of [
    ["missing", () => Promise.reject(new Deno.errors.NotFound())],
    ["without a certificate", () => Promise.resolve("hello")],
    [
      "with a broken certificate",
      () => Promise.resolve("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"),
    ],
  ] as const
) {
  Deno.test(`a CA bundle that is ${what} is an error before the request`, async () => {
    const http = open({ caBundle: "/no/such/ca.pem", readTextFile });
    await assert.rejects(http.fetch("https://127.0.0.1:1/"), (error: unknown) => {
      assert(error instanceof UserError, String(error));
      assert.equal(error.code, "bad-ca-bundle");
      assert.match(error.message, /\/no\/such\/ca\.pem/);
      return true;
    });
  });
}

Deno.test("a CA bundle is not read for plain http", async () => {
  await using server = serve(() => new Response("fine"));
  const http = open({ caBundle: "/no/such/ca.pem" });
  assert.equal(await (await http.fetch(server.url)).text(), "fine");
});
