/**
 * Proxies and certificate authorities of the user's own, on the way to AWS's own names.
 */

import assert from "node:assert/strict";
import { startAws } from "./testing/aws.ts";
import { runCli } from "./testing/cli.ts";
import { assertFailed, assertLoggedIn } from "./testing/outcomes.ts";
import { startProxy } from "./testing/proxy.ts";
import { api, login, realNames, registry, withOpenssl } from "./testing/real_names.ts";
import { makeCertificate } from "./testing/tls.ts";

Deno.test("proxy: https_proxy in lower case", withOpenssl, async () => {
  await using stage = await realNames();
  const { proxy, run, asked } = stage;
  const result = await run(login, { HTTPS_PROXY: undefined, https_proxy: proxy.url });
  assertLoggedIn(result, registry());
  assert.deepEqual(asked(), [api(), registry()]);
});

Deno.test("proxy: one that wants a login gets it", withOpenssl, async () => {
  await using stage = await realNames({ login: { user: "me", password: "p@ss word" } });
  assertLoggedIn(await stage.run(login), registry());
  assert.deepEqual(new Set(stage.proxy.asked.map(({ status }) => status)), new Set([200]));
});

Deno.test(
  "proxy: one that refuses the login is an error that never shows it",
  withOpenssl,
  async () => {
    await using stage = await realNames({ login: { user: "me", password: "right" } });
    const env = { HTTPS_PROXY: `http://me:wrong-password@127.0.0.1:${stage.proxy.port}` };
    const result = await stage.run([...login, "--verbose"], env);
    assert.equal(result.code, 5);
    assert.match(result.stderr, /the proxy refused the connection\n.*HTTPS_PROXY/);
    assert.doesNotMatch(result.stderr, /wrong-password/);
    assert.deepEqual(stage.proxy.asked.map(({ status }) => status), [407]);
  },
);

Deno.test(
  "proxy: one that is not there is an error that names the variable",
  withOpenssl,
  async () => {
    await using stage = await realNames();
    using closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = closed.addr;
    closed.close();
    const result = await stage.run(login, { HTTPS_PROXY: `http://127.0.0.1:${port}` });
    assertFailed(result, 5, /refused.*\n.*HTTPS_PROXY/);
  },
);

for (const variable of ["NO_PROXY", "no_proxy"]) {
  Deno.test(`proxy: a host in ${variable} is asked directly`, withOpenssl, async () => {
    await using stage = await realNames({ aws: { proxyEndpoint: "registry" } });
    const { aws, run, proxy } = stage;
    const env = { AWS_ENDPOINT_URL_ECR: `https://localhost:${aws.port}` };
    // the proxy knows neither of the two
    assertFailed(await run(login, env), 5, /localhost.*proxy refused/);
    assert.deepEqual(proxy.asked.map(({ host }) => host), ["localhost"]);
    const direct = await run(login, { ...env, [variable]: "example.com,localhost,127.0.0.1" });
    assertLoggedIn(direct, aws.registry.host);
    assert.equal(proxy.asked.length, 1);
  });
}

for (const variable of ["HTTP_PROXY", "http_proxy"]) {
  Deno.test(`proxy: ${variable} is for plain http alone`, withOpenssl, async () => {
    await using aws = await startAws();
    await using proxy = startProxy({ hosts: { "aws.example": aws.port } });
    const env = {
      ...aws.keys.env(),
      AWS_ENDPOINT_URL: "http://aws.example",
      [variable]: proxy.url,
      HTTPS_PROXY: "http://127.0.0.1:1",
      NO_PROXY: "127.0.0.1",
    };
    assertLoggedIn(await runCli([...login, "--tool", "file"], { env }), aws.registry.host);
    assert.deepEqual(proxy.asked, [{ host: "aws.example", port: 80, kind: "http", status: 200 }]);
  });
}

// certificates

Deno.test(
  "CA: without a bundle the certificate is not trusted, and the hint says what to set",
  withOpenssl,
  async () => {
    await using stage = await realNames();
    const result = await stage.run(login, { AWS_CA_BUNDLE: undefined });
    assertFailed(result, 5, /certificate is not trusted\n.*AWS_CA_BUNDLE/);
    assert.deepEqual(stage.aws.requests, []);
  },
);

Deno.test("CA: ca_bundle of the profile, and AWS_CA_BUNDLE before it", withOpenssl, async () => {
  await using stage = await realNames();
  const { home, run, tls } = stage;
  await home.write(".aws/config", `[default]\nca_bundle = ${tls.caFile}\n`);
  assertLoggedIn(await run(login, { AWS_CA_BUNDLE: undefined }), registry());
  await home.write(".aws/config", "[default]\nca_bundle = /nowhere/ca.pem\n");
  assertLoggedIn(await run(login), registry());
});

Deno.test("CA: a bundle of several certificates, with text between them", withOpenssl, async () => {
  await using stage = await realNames();
  const { home, run, tls } = stage;
  await using other = await makeCertificate();
  const bundle = `# ours\n${other.ca}\nsubject=CN = the one\n${tls.ca.replaceAll("\n", "\r\n")}`;
  assertLoggedIn(
    await run(login, { AWS_CA_BUNDLE: await home.write("all.pem", bundle) }),
    registry(),
  );
});

const badBundles: [name: string, text: string | undefined, says: RegExp][] = [
  ["is not there", undefined, /the CA bundle \S+ cannot be read/],
  ["is empty", "", /the CA bundle \S+ holds no PEM certificate/],
  ["is no PEM", "certificate", /the CA bundle \S+ holds no PEM certificate/],
  [
    "holds no certificate in its PEM",
    "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n",
    /the CA bundle \S+ holds a certificate that cannot be read/,
  ],
];

for (const [name, text, says] of badBundles) {
  Deno.test(`CA: a bundle that ${name} is refused before any request`, withOpenssl, async () => {
    await using stage = await realNames();
    const { home, run, asked } = stage;
    const path = text === undefined ? home.at("no.pem") : await home.write("bad.pem", text);
    const result = await run([...login, "--role", "deploy"], { AWS_CA_BUNDLE: path });
    assertFailed(result, 2, says);
    assert.match(result.stderr, /hint: check AWS_CA_BUNDLE/);
    assert.deepEqual(asked(), []);
    assert.equal(await home.exists(".docker"), false);
  });
}
