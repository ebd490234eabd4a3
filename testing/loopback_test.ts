import assert from "node:assert/strict";
import { serveLoopback } from "./loopback.ts";

Deno.test("a server answers, and closes while connections are open", async () => {
  const server = serveLoopback((request) => new Response(new URL(request.url).pathname));
  const idle = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const response = await fetch(`${server.url}/a`);
  assert.equal(await response.text(), "/a");
  await server[Symbol.asyncDispose]();
  assert.equal(await idle.read(new Uint8Array(1)).catch(() => null), null);
  idle.close();
});

Deno.test("a reset connection gets no answer, and the server goes on", async () => {
  await using server = serveLoopback((request, connection) => {
    if (request.url.endsWith("/reset")) connection.reset();
    return new Response("answer");
  });
  await assert.rejects(fetch(`${server.url}/reset`), TypeError);
  const response = await fetch(server.url);
  assert.equal(await response.text(), "answer");
});
