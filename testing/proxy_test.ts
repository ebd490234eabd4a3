import { ECRClient, GetAuthorizationTokenCommand } from "@aws-sdk/client-ecr";
import assert from "node:assert/strict";
import { startAws } from "./aws.ts";
import { runCli, tempHome } from "./cli.ts";
import { requirePrograms } from "./programs.ts";
import { startProxy } from "./proxy.ts";
import { serveLoopback } from "./loopback.ts";
import { makeCertificate } from "./tls.ts";

const region = "ap-northeast-1";
const registryName = `222222222222.dkr.ecr.${region}.amazonaws.com`;
const apiName = `api.ecr.${region}.amazonaws.com`;

Deno.test("plain requests are led to loopback, and recorded", async () => {
  await using server = serveLoopback((request) => {
    const host = request.headers.get("host");
    return new Response(`${request.method} ${host} ${new URL(request.url).pathname}`);
  });
  await using proxy = startProxy({ hosts: { "example.com": server.port } });
  using client = Deno.createHttpClient({ proxy: { url: proxy.url } });
  const good = await fetch("http://example.com/a", { client });
  assert.equal(await good.text(), "GET example.com /a");
  const bad = await fetch("http://nowhere.example/", { client });
  await bad.body?.cancel();
  assert.equal(bad.status, 502);
  assert.deepEqual(proxy.asked, [
    { host: "example.com", port: 80, kind: "http", status: 200 },
    { host: "nowhere.example", port: 80, kind: "http", status: 502 },
  ]);
});

Deno.test("a proxy can want a login", async () => {
  await using server = serveLoopback(() => new Response("answer"));
  const login = { user: "me", password: "not-a-secret" };
  await using proxy = startProxy({ hosts: () => server.port, login });
  for (
    const [url, status] of [[`http://127.0.0.1:${proxy.port}`, 407], [proxy.url, 200]] as const
  ) {
    using client = Deno.createHttpClient({ proxy: { url } });
    const response = await fetch("http://example.com/", { client });
    await response.body?.cancel();
    assert.equal(response.status, status);
  }
  assert.deepEqual(proxy.asked.map(({ status }) => status), [407, 200]);
});

Deno.test("what is no request to a proxy is answered 400", async () => {
  await using proxy = startProxy({ hosts: {} });
  const response = await fetch(`http://127.0.0.1:${proxy.port}/path`);
  await response.body?.cancel();
  assert.equal(response.status, 400);
});

Deno.test({
  name: "TLS to AWS's real names is answered on loopback",
  ignore: !requirePrograms(["openssl"]),
  fn: async () => {
    await using certificate = await makeCertificate([apiName, registryName]);
    const tls = certificate;
    await using aws = await startAws({ tls });
    const hosts = { [apiName]: aws.port, [registryName]: aws.registry.port };
    await using proxy = startProxy({ hosts });
    // a process of its own, since proxy and CA are settings of the whole process
    await using home = await tempHome({
      "client.ts": `
        import http from "node:http";
        import { ECRClient, GetAuthorizationTokenCommand } from "@aws-sdk/client-ecr";
        http.setGlobalProxyFromEnv();
        const client = new ECRClient({ region: "${region}" });
        const { authorizationData } = await client.send(new GetAuthorizationTokenCommand({}));
        const authorization = "Basic " + authorizationData[0].authorizationToken;
        const response = await fetch("https://${registryName}/v2/", { headers: { authorization } });
        console.log(response.status);
        const wrong = await fetch("https://127.0.0.1:${aws.port}/x");
        console.log(wrong.status);
      `,
    });
    const result = await runCli([], {
      script: home.at("client.ts"),
      env: {
        ...aws.keys.env(),
        HTTPS_PROXY: proxy.url,
        NO_PROXY: "127.0.0.1",
        NODE_EXTRA_CA_CERTS: certificate.caFile,
        DENO_CERT: certificate.caFile,
      },
    });
    assert.equal(result.stderr, "");
    assert.equal(result.stdout, "200\n404\n");
    assert.deepEqual(proxy.asked.map(({ host, port, kind }) => [host, port, kind]), [
      [apiName, 443, "connect"],
      [registryName, 443, "connect"],
    ]);
    assert.equal(aws.requests[0]?.host, apiName);
    assert.equal(aws.requests[0]?.region, region);
  },
});

Deno.test({
  name: "a request signed for another region than its host's is refused",
  ignore: !requirePrograms(["openssl"]),
  fn: async () => {
    await using server = await startAws();
    const client = new ECRClient({
      endpoint: server.url,
      region: "eu-west-1",
      credentials: server.keys.user,
      maxAttempts: 1,
    });
    client.middlewareStack.add(
      (next) => (args) => {
        const { headers } = args.request as { headers: Record<string, string> };
        headers["host"] = apiName;
        return next(args);
      },
      { step: "build", priority: "low" },
    );
    const asked = client.send(new GetAuthorizationTokenCommand({}));
    await assert.rejects(asked, { message: "Credential should be scoped to a valid region." });
    client.destroy();
  },
});

Deno.test({
  name: "docker logs in to a real ECR name through the proxy",
  ignore: !requirePrograms(["openssl", "docker"]),
  fn: async () => {
    await using tls = await makeCertificate([registryName]);
    await using aws = await startAws({ tls });
    const { password } = aws.passwords.issue({
      public: false,
      region,
      account: "222222222222",
      expiresAt: Date.now() + 60_000,
    });
    await using proxy = startProxy({ hosts: { [registryName]: aws.registry.port } });
    await using home = await tempHome();
    const process = new Deno.Command("docker", {
      args: ["login", "--username", "AWS", "--password-stdin", registryName],
      env: {
        HOME: home.path,
        DOCKER_CONFIG: home.at(".docker"),
        HTTPS_PROXY: proxy.url,
        SSL_CERT_FILE: tls.caFile,
      },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = process.stdin.getWriter();
    await writer.write(new TextEncoder().encode(password));
    await writer.close();
    const { code, stderr } = await process.output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    assert.deepEqual([...new Set(proxy.asked.map(({ host }) => host))], [registryName]);
    assert(
      Object.keys(JSON.parse(await home.read(".docker/config.json")).auths).includes(registryName),
    );
  },
});
