import { fromContainerMetadata, fromInstanceMetadata } from "@aws-sdk/credential-providers";
import assert from "node:assert/strict";
import { type FakeAws, startAws } from "./aws.ts";

const worker = "arn:aws:iam::222222222222:role/path/worker";

/** Runs `use` with `env` added to this process's environment, where the SDK's providers look. */
async function withEnv<Result>(
  env: Record<string, string>,
  use: () => Promise<Result>,
): Promise<Result> {
  const before = Object.keys(env).map((name) => [name, Deno.env.get(name)] as const);
  for (const [name, value] of Object.entries(env)) Deno.env.set(name, value);
  try {
    return await use();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  }
}

async function metadataToken(aws: FakeAws, ttl = "60"): Promise<Response> {
  return await fetch(`${aws.metadataUrl}/latest/api/token`, {
    method: "PUT",
    headers: { "x-aws-ec2-metadata-token-ttl-seconds": ttl },
  });
}

async function read(aws: FakeAws, path: string, token: string): Promise<[number, string]> {
  const response = await fetch(`${aws.metadataUrl}/latest/meta-data/${path}`, {
    headers: { "x-aws-ec2-metadata-token": token },
  });
  return [response.status, await response.text()];
}

Deno.test("the SDK gets the credentials of an instance's role", async () => {
  await using aws = await startAws({ metadata: { instanceRole: worker } });
  const credentials = await withEnv(aws.env(), () => fromInstanceMetadata({ maxRetries: 0 })());
  const key = aws.keys.get(credentials.accessKeyId);
  assert.match(key?.arn ?? "", /assumed-role\/worker\/i-/);
  assert.equal(credentials.secretAccessKey, key?.secretAccessKey);
  assert.equal(credentials.sessionToken, key?.sessionToken);
});

Deno.test("the SDK gets the credentials of a container's role", async () => {
  await using aws = await startAws({ metadata: { containerRole: worker } });
  const credentials = await withEnv(
    aws.containerEnv(),
    () => fromContainerMetadata({ maxRetries: 0 })(),
  );
  assert.equal(aws.keys.get(credentials.accessKeyId)?.roleArn, worker);
});

Deno.test("a container without the right token gets nothing", async () => {
  await using aws = await startAws();
  for (const headers of [new Headers(), new Headers({ authorization: "other" })]) {
    const response = await fetch(`${aws.url}/creds`, { headers });
    assert.equal(response.status, 401);
    assert.equal((await response.json()).code, "Unauthorized");
  }
});

Deno.test("instance metadata wants a session token", async () => {
  await using aws = await startAws({
    metadata: { instanceRole: worker, region: "ap-northeast-1" },
  });
  const bad = await metadataToken(aws, "0");
  await bad.body?.cancel();
  assert.equal(bad.status, 400);
  assert.equal((await read(aws, "placement/region", "other"))[0], 401);
  const token = await (await metadataToken(aws)).text();
  assert.deepEqual(await read(aws, "placement/region", token), [200, "ap-northeast-1"]);
  assert.deepEqual(await read(aws, "iam/security-credentials/", token), [200, "worker"]);
  assert.equal((await read(aws, "iam/security-credentials/other", token))[0], 404);
});

Deno.test("an instance without role and region says so", async () => {
  await using aws = await startAws();
  const token = await (await metadataToken(aws)).text();
  for (const path of ["placement/region", "iam/security-credentials/"]) {
    assert.equal((await read(aws, path, token))[0], 404);
  }
});

Deno.test("a GitHub job gets a token for the audience it asks, with its own token only", async () => {
  await using aws = await startAws();
  const env = aws.githubEnv();
  const url = `${env["ACTIONS_ID_TOKEN_REQUEST_URL"]}&audience=sts.amazonaws.com`;
  const ask = (token: string | undefined): Promise<Response> =>
    fetch(url, { headers: { authorization: `bearer ${token}` } });
  const refused = await ask("other");
  await refused.body?.cancel();
  assert.equal(refused.status, 401);
  const { value } = await (await ask(env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"])).json();
  assert.equal(aws.webIdentities.verify(value).aud, "sts.amazonaws.com");
});
