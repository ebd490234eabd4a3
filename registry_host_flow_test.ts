/**
 * The registry's host: FIPS and dual-stack names, and what ECR's answer may and may not make of it.
 */

import assert from "node:assert/strict";
import { assertFailed, assertLoggedIn } from "./testing/outcomes.ts";
import {
  account,
  api,
  directly,
  login,
  realNames,
  region,
  registry,
  storedHosts,
  sts,
  withOpenssl,
} from "./testing/real_names.ts";

/** Settings of the API alone: the registry's host stays the one named. */
const variantRows: [
  name: string,
  env: Record<string, string>,
  profile: string,
  apis: string[],
][] = [
  [
    "AWS_USE_FIPS_ENDPOINT",
    { AWS_USE_FIPS_ENDPOINT: "true" },
    "",
    ["sts-fips.us-east-1.amazonaws.com", "api.ecr-fips.us-east-1.amazonaws.com"],
  ],
  [
    "use_fips_endpoint",
    {},
    "use_fips_endpoint = true",
    ["sts-fips.us-east-1.amazonaws.com", "api.ecr-fips.us-east-1.amazonaws.com"],
  ],
  [
    "AWS_USE_DUALSTACK_ENDPOINT",
    { AWS_USE_DUALSTACK_ENDPOINT: "True" },
    "",
    ["sts.us-east-1.api.aws", "ecr.us-east-1.api.aws"],
  ],
  [
    "use_dualstack_endpoint",
    {},
    "use_dualstack_endpoint = true",
    ["sts.us-east-1.api.aws", "ecr.us-east-1.api.aws"],
  ],
  [
    "both",
    { AWS_USE_DUALSTACK_ENDPOINT: "true", AWS_USE_FIPS_ENDPOINT: "true" },
    "",
    ["sts-fips.us-east-1.api.aws", "ecr-fips.us-east-1.api.aws"],
  ],
  [
    "neither, since the variables come before the profile",
    { AWS_USE_DUALSTACK_ENDPOINT: "false", AWS_USE_FIPS_ENDPOINT: "false" },
    "use_fips_endpoint = true\nuse_dualstack_endpoint = true",
    [sts("us-east-1"), api("us-east-1")],
  ],
];

for (const [name, env, profile, apis] of variantRows) {
  Deno.test(`FIPS and dual-stack: ${name}`, withOpenssl, async () => {
    await using stage = await realNames();
    const { run, asked, home } = stage;
    await home.write(".aws/config", `[default]\n${profile}\n`);
    const args = ["--account", account, "--region", "us-east-1", "--role", "deploy"];
    assertLoggedIn(await run(args, env), registry("us-east-1"));
    assert.deepEqual(asked(), [...apis, registry("us-east-1")]);
    assert.deepEqual(await storedHosts(home), [registry("us-east-1")]);
  });
}

/** Registry hosts as a user names them, and the API that each goes with. */
const hostRows: [host: string, api: string][] = [
  [`${account}.dkr.ecr-fips.us-east-1.amazonaws.com`, "api.ecr-fips.us-east-1.amazonaws.com"],
  [`${account}.dkr-ecr.${region}.on.aws`, `ecr.${region}.api.aws`],
  [`${account}.dkr-ecr-fips.us-east-1.on.aws`, "ecr-fips.us-east-1.api.aws"],
  ["ecr-public.aws.com", "ecr-public.us-east-1.api.aws"],
];

for (const [host, askedApi] of hostRows) {
  Deno.test(
    `FIPS and dual-stack: ${host} asks ${askedApi}, and is the key stored`,
    withOpenssl,
    async () => {
      await using stage = await realNames();
      const { run, asked, home } = stage;
      assertLoggedIn(await run([`https://${host}/app:latest`]), host);
      assert.deepEqual(asked(), [askedApi, host]);
      assert.deepEqual(await storedHosts(home), [host]);
    },
  );
}

Deno.test(
  "FIPS and dual-stack: a plain and a dual-stack host in one run each ask their own API",
  withOpenssl,
  async () => {
    await using stage = await realNames();
    const dual = `${account}.dkr-ecr.${region}.on.aws`;
    assertLoggedIn(await stage.run([registry(), dual]), registry(), dual);
    const dualApi = `ecr.${region}.api.aws`;
    assert.deepEqual(stage.asked().toSorted(), [api(), registry(), dualApi, dual].toSorted());
  },
);

/** Registries that ECR may not name. */
const foreign = [
  "https://registry.attacker.example",
  `https://${registry()}.attacker.example`,
  `https://${account}.dkr.ecr.cn-north-1.amazonaws.com.cn`,
  `http://${registry()}`,
  `https://me@${registry()}`,
  "https://--help",
  "nonsense",
];

for (const proxyEndpoint of foreign) {
  Deno.test(
    `host: a proxyEndpoint ${proxyEndpoint} is refused, and gets no password`,
    withOpenssl,
    async () => {
      await using stage = await realNames({ aws: { proxyEndpoint } });
      const { run, asked, home, aws } = stage;
      for (const args of [login, ["--region", region]]) {
        assertFailed(await run(args), 5, /outside its own names: "/);
        assert.deepEqual(asked(), [api()]);
      }
      assert.deepEqual(aws.registry.requests, []);
      assert.equal(await home.exists(".docker"), false);
    },
  );
}

Deno.test(
  "host: the named one is kept whatever registry of ECR the proxyEndpoint names",
  withOpenssl,
  async () => {
    // the API names the caller's account, which is another one
    await using stage = await realNames();
    const { run, asked, home, aws } = stage;
    assertLoggedIn(await run(login), registry());
    assertLoggedIn(await run(login, { AWS_ENDPOINT_URL_ECR: aws.url, ...directly }), registry());
    assert.deepEqual(asked(), [api(), registry()]);
    assert.deepEqual(await storedHosts(home), [registry()]);
  },
);

Deno.test(
  "host: with nothing named it is the caller's own, as the proxyEndpoint says",
  withOpenssl,
  async () => {
    await using stage = await realNames();
    const { run, asked, home } = stage;
    const own = `111111111111.dkr.ecr.${region}.amazonaws.com`;
    const { code, stdout, stderr } = await run(["--region", region, "--json"]);
    assert.equal(code, 0, stderr);
    const [{ registry: host, account: caller, ok }] = JSON.parse(stdout).logins;
    assert.deepEqual([host, caller, ok], [own, "111111111111", true]);
    assert.deepEqual(asked(), [api(), own]);
    assert.deepEqual(await storedHosts(home), [own]);
  },
);

Deno.test(
  "host: an ECR endpoint of the user's may name a registry of its own",
  withOpenssl,
  async () => {
    await using stage = await realNames({ aws: { proxyEndpoint: "registry" } });
    const { run, asked, home, aws } = stage;
    const env = { AWS_ENDPOINT_URL_ECR: aws.url, ...directly };
    assertLoggedIn(await run(login, env), aws.registry.host);
    assertLoggedIn(await run(["--region", region], env), aws.registry.host);
    assert.deepEqual(asked(), []);
    assert.deepEqual(await storedHosts(home), [aws.registry.host]);
    // an endpoint of another service is no such permission
    assertFailed(await run(login, { AWS_ENDPOINT_URL_STS: aws.url }), 5, /outside its own names/);
  },
);

for (
  const proxyEndpoint of ["nonsense", "ftp://127.0.0.1", "http://me:x@127.0.0.1", "https://--help"]
) {
  Deno.test(
    `host: an ECR endpoint of the user's that names ${proxyEndpoint} is refused`,
    withOpenssl,
    async () => {
      await using stage = await realNames({ aws: { proxyEndpoint } });
      const { run, aws, home } = stage;
      const result = await run(login, { AWS_ENDPOINT_URL_ECR: aws.url, ...directly });
      assertFailed(result, 2, /answered with a registry that/);
      assert.equal(await home.exists(".docker"), false);
    },
  );
}
