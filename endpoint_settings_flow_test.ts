/**
 * Endpoints of the user's own: where they may be set, in which order, and for which service. What has
 * none is asked by AWS's own name, through a proxy that says which were asked for.
 */

import assert from "node:assert/strict";
import { runCli } from "./testing/cli.ts";
import { assertFailed, assertLoggedIn } from "./testing/outcomes.ts";
import { ssoProfile, ssoSessionFile } from "./testing/profile_files.ts";
import {
  account,
  api,
  directly,
  isRegistry,
  login,
  publicApi,
  type RealNames,
  realNames,
  registry,
  sts,
  withOpenssl,
} from "./testing/real_names.ts";

Deno.test(
  "endpoint: AWS_ENDPOINT_URL is for every service, also with a path and a final slash",
  withOpenssl,
  async () => {
    await using stage = await realNames();
    const { aws, run, asked } = stage;
    const env = { AWS_ENDPOINT_URL: `https://127.0.0.1:${aws.port}/`, NO_PROXY: "127.0.0.1" };
    const result = await run([...login, "--role", "deploy", "--public"], env);
    // no registry of its own: those named are kept
    assertLoggedIn(result, registry(), "public.ecr.aws");
    assert.deepEqual(asked().sort(), [registry(), "public.ecr.aws"]);
    const services = aws.requests.map(({ service }) => service);
    assert.deepEqual(services.sort(), ["ecr", "ecr-public", "sts"]);
  },
);

/** Services whose endpoint can be set, and the host that is then not asked for. */
const services: [id: string, host: string][] = [
  ["STS", sts()],
  ["ECR", api()],
  ["ECR_PUBLIC", publicApi],
];
const everything = [...login, "--role", "deploy", "--public"];

for (const [id, host] of services) {
  const others = services.map(([, name]) => name).filter((name) => name !== host)
    .sort();
  const assertOwn = ({ aws, asked }: RealNames): void => {
    assert.deepEqual(asked().filter((name) => !isRegistry(name)).sort(), others);
    const [own] = aws.requestsOf(id.toLowerCase().replace("_", "-") as "ecr");
    assert.equal(own?.host, `127.0.0.1:${aws.port}`);
  };

  Deno.test(`endpoint: AWS_ENDPOINT_URL_${id} is for that service alone`, withOpenssl, async () => {
    await using stage = await realNames();
    const env = { [`AWS_ENDPOINT_URL_${id}`]: stage.aws.url, ...directly };
    assertLoggedIn(await stage.run(everything, env), registry(), "public.ecr.aws");
    assertOwn(stage);
  });

  Deno.test(
    `endpoint: ${id.toLowerCase()} in the services section is for that service`,
    withOpenssl,
    async () => {
      await using stage = await realNames();
      const { aws, run, home } = stage;
      await home.write(
        ".aws/config",
        `[default]\nservices = mine\n[services mine]\n${id.toLowerCase()} =\n` +
          `  endpoint_url = ${aws.url}\n`,
      );
      assertLoggedIn(await run(everything, directly), registry(), "public.ecr.aws");
      assertOwn(stage);
    },
  );
}

/** Where the endpoint of ECR is looked for, first to last. */
const endpointOrder = ["AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL", "services", "endpoint_url"];

for (const [index, winner] of endpointOrder.entries()) {
  Deno.test(
    `endpoint: ${winner} comes before what is behind it in the order`,
    withOpenssl,
    async () => {
      await using stage = await realNames();
      const { aws, run, home, asked } = stage;
      const url = (name: string): string => name === winner ? aws.url : "https://aws.example";
      const isSet = (name: string): boolean => endpointOrder.indexOf(name) >= index;
      const env = Object.fromEntries(
        endpointOrder.slice(0, 2).filter(isSet).map((name) => [name, url(name)]),
      );
      await home.write(
        ".aws/config",
        `[default]\nendpoint_url = ${url("endpoint_url")}\nservices = mine\n[services mine]\n` +
          (isSet("services") ? `ecr =\n  endpoint_url = ${url("services")}\n` : ""),
      );
      assertLoggedIn(await run(login, { ...env, ...directly }), registry());
      assert.deepEqual(asked(), [registry()]);
    },
  );
}

Deno.test(
  "endpoint: AWS_ENDPOINT_URL_SSO is for the portal, which is else asked in the SSO region",
  withOpenssl,
  async () => {
    await using stage = await realNames({ aws: { sso: { region: "eu-central-1" } } });
    const { aws, run, asked, home, proxy } = stage;
    const token = aws.sso.signIn();
    await home.write(".aws/config", ssoProfile({ name: "default", ssoRegion: "eu-central-1" }));
    await home.write(ssoSessionFile, JSON.stringify(token));
    const noKeys = { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined };
    assertLoggedIn(await run(login, noKeys), registry());
    assert.deepEqual(asked(), ["portal.sso.eu-central-1.amazonaws.com", api(), registry()]);

    proxy.asked.length = 0;
    const env = { ...noKeys, AWS_ENDPOINT_URL_SSO: aws.url, ...directly };
    assertLoggedIn(await run(login, env), registry());
    assert.deepEqual(asked(), [api(), registry()]);

    // these FIPS endpoints do not exist outside GovCloud
    proxy.asked.length = 0;
    await run([`${account}.dkr.ecr-fips.us-east-1.amazonaws.com`], {
      ...noKeys,
      AWS_USE_FIPS_ENDPOINT: "true",
    });
    assert.equal(asked()[0], "portal.sso.eu-central-1.amazonaws.com");
  },
);

for (const way of ["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls"]) {
  Deno.test(`endpoint: ${way} turns all of them off`, withOpenssl, async () => {
    await using stage = await realNames();
    const { run, home, asked } = stage;
    await home.write(
      ".aws/config",
      `[default]\nendpoint_url = https://aws.example\n` +
        (way === way.toLowerCase() ? `${way} = true\n` : ""),
    );
    const env = {
      AWS_ENDPOINT_URL: "https://aws.example",
      AWS_ENDPOINT_URL_ECR: "https://aws.example",
      ...(way === way.toUpperCase() ? { [way]: "TRUE" } : {}),
    };
    assertLoggedIn(await run(login, env), registry());
    assert.deepEqual(asked(), [api(), registry()]);
  });
}

const badUrls = [
  "localhost:4566",
  "ftp://127.0.0.1",
  "http://",
  "//127.0.0.1",
  "aws",
  "http://a b",
];

for (const url of badUrls) {
  Deno.test(
    `endpoint: ${url} is refused before any request, by the name of its setting`,
    withOpenssl,
    async () => {
      await using stage = await realNames();
      const { run, home, asked } = stage;
      const role = [...login, "--role", "deploy"];
      assertFailed(await run(role, { AWS_ENDPOINT_URL_ECR: url }), 2, /AWS_ENDPOINT_URL_ECR is /);
      assertFailed(await run(role, { AWS_ENDPOINT_URL: url }), 2, /AWS_ENDPOINT_URL is /);
      await home.write(".aws/config", `[default]\nendpoint_url = ${url}\n`);
      assertFailed(await run([...role, "--dry-run"]), 2, /endpoint_url .*is no/);
      assert.deepEqual(asked(), []);
    },
  );
}

Deno.test("endpoint: a password in a URL that is refused is not shown", withOpenssl, async () => {
  const env = { AWS_ENDPOINT_URL: "ftp://me:not-a-secret@127.0.0.1", AWS_ACCESS_KEY_ID: "A" };
  const result = await runCli([...login, "--verbose"], {
    env: { ...env, AWS_SECRET_ACCESS_KEY: "B" },
  });
  assert.equal(result.code, 2);
  assert.match(result.stderr, /AWS_ENDPOINT_URL is /);
  assert.doesNotMatch(result.stderr, /not-a-secret/);
});
