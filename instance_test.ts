import assert from "node:assert/strict";
import { instanceRegion } from "./instance.ts";
import type { System } from "./system.ts";
import { startAws } from "./testing/aws.ts";
import { runCli } from "./testing/cli.ts";

function systemAt(url: string): System {
  return { env: { AWS_EC2_METADATA_SERVICE_ENDPOINT: url } } as unknown as System;
}

Deno.test("the instance's region is read with a token", async () => {
  await using aws = await startAws({ metadata: { region: "eu-west-3" } });
  assert.equal(await instanceRegion(systemAt(aws.metadataUrl)), "eu-west-3");
});

Deno.test("a redirect does not get the metadata's token", async () => {
  const asked: string[] = [];
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      const { pathname, origin } = new URL(request.url);
      asked.push(pathname);
      if (pathname === "/elsewhere") return new Response("eu-west-3");
      return request.method === "PUT"
        ? new Response("the-token")
        : Response.redirect(`${origin}/elsewhere`, 302);
    },
  );
  assert.equal(await instanceRegion(systemAt(`http://127.0.0.1:${server.addr.port}`)), undefined);
  assert.ok(!asked.includes("/elsewhere"));
});

Deno.test("an instance is asked for its region past the proxy", async () => {
  const proxied: string[] = [];
  await using proxy = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      proxied.push(request.url);
      return new Response(null, { status: 502 });
    },
  );
  await using aws = await startAws({ metadata: { region: "eu-west-3", instanceRole: "builder" } });
  const { stderr } = await runCli(["--tool", "file", "-v"], {
    env: { ...aws.env(), HTTP_PROXY: `http://127.0.0.1:${proxy.addr.port}` },
  });
  assert.match(stderr, /identity: the instance's role/);
  assert.ok(!proxied.some((url) => url.includes("/latest/")), proxied.join());
});
