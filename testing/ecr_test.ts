import { ECRClient, GetAuthorizationTokenCommand } from "@aws-sdk/client-ecr";
import {
  ECRPUBLICClient,
  GetAuthorizationTokenCommand as GetPublicTokenCommand,
} from "@aws-sdk/client-ecr-public";
import assert from "node:assert/strict";
import { type AwsOptions, type FakeAws, startAws } from "./aws.ts";
import type { AwsKey } from "./keys.ts";

interface Data {
  authorizationToken?: string | undefined;
  expiresAt?: Date | undefined;
  proxyEndpoint?: string | undefined;
}

async function privateToken(
  aws: FakeAws,
  { key = aws.keys.user, region = "eu-west-1", registryIds = [] as string[] } = {},
): Promise<Data[]> {
  const client = new ECRClient({ endpoint: aws.url, region, credentials: key, maxAttempts: 1 });
  try {
    const command = registryIds.length === 0 ? {} : { registryIds };
    const { authorizationData } = await client.send(new GetAuthorizationTokenCommand(command));
    return authorizationData ?? [];
  } finally {
    client.destroy();
  }
}

async function publicToken(
  aws: FakeAws,
  key: AwsKey = aws.keys.user,
  region = "us-east-1",
): Promise<Data | undefined> {
  const credentials = key;
  const client = new ECRPUBLICClient({ endpoint: aws.url, region, credentials, maxAttempts: 1 });
  try {
    return (await client.send(new GetPublicTokenCommand({}))).authorizationData;
  } finally {
    client.destroy();
  }
}

function passwordOf(data: Data | undefined): string {
  return atob(data?.authorizationToken ?? "").replace(/^AWS:/, "");
}

Deno.test("a private token is valid for 12 hours and unlike every other", async () => {
  await using aws = await startAws();
  const [first] = await privateToken(aws);
  const [second] = await privateToken(aws);
  const password = passwordOf(first);
  assert.notEqual(password, passwordOf(second));
  assert(password.length > 1500 && password.length < 2700, String(password.length));
  assert.equal(first?.proxyEndpoint, aws.registry.url);
  const { expiration, type } = JSON.parse(atob(password));
  assert.equal(type, "DATA_KEY");
  assert.equal(expiration, Math.floor((first?.expiresAt?.getTime() ?? 0) / 1000));
  const hours = (expiration * 1000 - Date.now()) / 3_600_000;
  assert(hours > 11.9 && hours <= 12, String(hours));
  const issued = aws.passwords.get(password);
  assert.equal(issued?.region, "eu-west-1");
  assert.equal(issued?.public, false);
});

Deno.test("a public token has no proxyEndpoint and comes from us-east-1 only", async () => {
  await using aws = await startAws();
  const data = await publicToken(aws);
  assert.equal(aws.passwords.get(passwordOf(data))?.public, true);
  assert.equal(data !== undefined && "proxyEndpoint" in data, false);
  await assert.rejects(publicToken(aws, aws.keys.user, "us-west-2"), {
    name: "UnsupportedCommandException",
    message: /only supported in us-east-1/,
  });
});

const endpoints: [name: string, options: AwsOptions, region: string, expected: string][] = [
  ["aws", { proxyEndpoint: "aws" }, "eu-west-1", "111111111111.dkr.ecr.eu-west-1.amazonaws.com"],
  [
    "aws",
    { proxyEndpoint: "aws" },
    "cn-north-1",
    "111111111111.dkr.ecr.cn-north-1.amazonaws.com.cn",
  ],
  ["a URL", { proxyEndpoint: "https://other.example" }, "eu-west-1", "other.example"],
];
for (const [name, options, region, expected] of endpoints) {
  Deno.test(`proxyEndpoint ${name} in ${region} names ${expected}`, async () => {
    await using aws = await startAws(options);
    const [data] = await privateToken(aws, { region });
    assert.equal(data?.proxyEndpoint, `https://${expected}`);
  });
}

Deno.test("the deprecated registryIds give one token for each", async () => {
  await using aws = await startAws({ proxyEndpoint: "aws" });
  const registryIds = ["222222222222", "333333333333"];
  const data = await privateToken(aws, { registryIds });
  assert.deepEqual(
    data.map(({ proxyEndpoint }) => proxyEndpoint?.slice(8, 20)),
    registryIds,
  );
});

Deno.test("the password and its time can be chosen", async () => {
  await using aws = await startAws({ password: "not-a-secret-password", passwordSeconds: 60 });
  const [data] = await privateToken(aws);
  assert.equal(passwordOf(data), "not-a-secret-password");
  assert((data?.expiresAt?.getTime() ?? 0) <= Date.now() + 60_000);
});

Deno.test("a principal without the permission is named in the refusal", async () => {
  await using aws = await startAws();
  const denied: [string, (key: AwsKey) => Promise<unknown>][] = [
    ["ecr:GetAuthorizationToken", (key) => privateToken(aws, { key })],
    ["ecr-public:GetAuthorizationToken", (key) => publicToken(aws, key)],
    ["sts:GetServiceBearerToken", (key) => publicToken(aws, key)],
  ];
  for (const [action, ask] of denied) {
    const key = aws.keys.add({ denied: [action] });
    await assert.rejects(ask(key), (error: Error) => {
      assert.equal(error.name, "AccessDeniedException");
      assert(
        error.message.startsWith(
          `User: ${key.arn} is not authorized to perform: ${action} on resource: *`,
        ),
      );
      return true;
    });
  }
});

Deno.test("every request is recorded", async () => {
  await using aws = await startAws();
  await privateToken(aws);
  const key = aws.keys.add({ denied: ["ecr:GetAuthorizationToken"] });
  await privateToken(aws, { key, region: "us-west-2" }).catch(() => {});
  const records = aws.requestsOf("ecr").map((request) => [
    request.operation,
    request.region,
    request.accessKeyId,
    request.status,
    request.code,
  ]);
  assert.deepEqual(records, [
    ["GetAuthorizationToken", "eu-west-1", aws.keys.user.accessKeyId, 200, undefined],
    ["GetAuthorizationToken", "us-west-2", key.accessKeyId, 400, "AccessDeniedException"],
  ]);
  assert.equal(aws.requests[0]?.host, `127.0.0.1:${aws.port}`);
  assert.match(aws.requests[0]?.headers["user-agent"] ?? "", /aws-sdk-js/);
});

Deno.test("a request that no service has is answered 404 and recorded", async () => {
  await using aws = await startAws();
  const response = await fetch(`${aws.url}/nothing`);
  await response.body?.cancel();
  assert.equal(response.status, 404);
  assert.deepEqual(aws.requests.map(({ service, operation }) => [service, operation]), [
    ["unknown", "GET /nothing"],
  ]);
});

Deno.test("clients can correct their clock by the Date of a fake AWS that is ahead", async () => {
  await using aws = await startAws();
  aws.clockOffset = 20 * 60_000;
  const client = new ECRClient({
    endpoint: aws.url,
    region: "eu-west-1",
    credentials: aws.keys.user,
    maxAttempts: 1,
  });
  const ask = (): Promise<unknown> => client.send(new GetAuthorizationTokenCommand({}));
  try {
    await assert.rejects(ask(), { name: "InvalidSignatureException", message: /is now earlier/ });
    await ask();
  } finally {
    client.destroy();
  }
});
