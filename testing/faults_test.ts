import { ECRClient, GetAuthorizationTokenCommand } from "@aws-sdk/client-ecr";
import {
  ECRPUBLICClient,
  GetAuthorizationTokenCommand as GetPublicTokenCommand,
} from "@aws-sdk/client-ecr-public";
import { fromTemporaryCredentials } from "@aws-sdk/credential-providers";
import assert from "node:assert/strict";
import { type FakeAws, startAws } from "./aws.ts";
import type { Fault } from "./faults.ts";

const role = "arn:aws:iam::222222222222:role/deploy";

/** One call of each service by the SDK, without retries. */
const calls: Record<string, (aws: FakeAws) => Promise<unknown>> = {
  ecr: async (aws) => {
    const client = new ECRClient(config(aws));
    try {
      return (await client.send(new GetAuthorizationTokenCommand({}))).authorizationData;
    } finally {
      client.destroy();
    }
  },
  "ecr-public": async (aws) => {
    const client = new ECRPUBLICClient(config(aws));
    try {
      return (await client.send(new GetPublicTokenCommand({}))).authorizationData;
    } finally {
      client.destroy();
    }
  },
  sts: async (aws) =>
    await fromTemporaryCredentials({
      masterCredentials: aws.keys.user,
      params: { RoleArn: role, RoleSessionName: "test" },
      clientConfig: config(aws),
    })(),
};

function config(aws: FakeAws): {
  endpoint: string;
  region: string;
  credentials: FakeAws["keys"]["user"];
  maxAttempts: number;
} {
  return { endpoint: aws.url, region: "us-east-1", credentials: aws.keys.user, maxAttempts: 1 };
}

const user = "arn:aws:iam::111111111111:user/deploy";

/** What the SDK throws for each kind, as `name: message`. */
const thrown: [fault: Fault, service: keyof typeof calls, expected: RegExp][] = [
  [{ kind: "throttle" }, "ecr", /^ThrottlingException: Rate exceeded$/],
  [{ kind: "throttle" }, "ecr-public", /^ThrottlingException: Rate exceeded$/],
  [{ kind: "throttle" }, "sts", /^Throttling: Rate exceeded$/],
  [{ kind: "5xx" }, "ecr", /^ServerException: /],
  [{ kind: "5xx" }, "ecr-public", /^ServerException: /],
  [{ kind: "5xx" }, "sts", /^ServiceUnavailable: /],
  [{ kind: "expired" }, "ecr", /^ExpiredTokenException: .* is expired$/],
  [{ kind: "expired" }, "sts", /^ExpiredToken(Exception)?: .* is expired$/],
  [
    { kind: "clock-skew" },
    "ecr",
    /^InvalidSignatureException: Signature expired: .* is now earlier/,
  ],
  [{ kind: "clock-skew" }, "sts", /^SignatureDoesNotMatch: Signature expired: .* is now earlier/],
  [
    { kind: "access-denied" },
    "ecr",
    new RegExp(`^AccessDeniedException: User: ${user} is not .* ecr:GetAuthorizationToken`),
  ],
  [
    { kind: "access-denied" },
    "sts",
    new RegExp(`^AccessDenied: User: ${user} is not .* sts:AssumeRole on resource: ${role}$`),
  ],
  [
    { kind: "error", code: "KmsException", message: "no key", status: 400 },
    "ecr",
    /^KmsException: no key$/,
  ],
  [{ kind: "access-denied", message: "by a boundary" }, "ecr", /^AccessDeniedException: by a/],
  [{ kind: "garbage" }, "ecr", /^SyntaxError: /],
  [{ kind: "reset" }, "ecr", /ECONNRESET|socket hang up|connection/i],
];

for (const [fault, service, expected] of thrown) {
  Deno.test(`${service}: ${JSON.stringify(fault)} is ${expected}`, async () => {
    await using aws = await startAws();
    aws.fault({ ...fault, service: service as "ecr", times: 1 });
    const call = calls[service];
    assert(call !== undefined);
    const result = await call(aws).then(String, (error) => `${error.name}: ${error.message}`);
    assert.match(result, expected);
    await call(aws); // once only
  });
}

/** What the SDK makes of answers that it can read. */
const spoilt: [fault: Fault, service: string, check: (data: unknown) => void][] = [
  [{ kind: "empty-list" }, "ecr", (data) => assert.deepEqual(data, [])],
  [{ kind: "empty-list" }, "ecr-public", (data) => assert.deepEqual(data, {})],
  [{ kind: "null-fields" }, "ecr", (data) => {
    const [first] = data as { authorizationToken: unknown }[];
    assert.equal(first?.authorizationToken ?? null, null);
  }],
  [{ kind: "foreign-proxy-endpoint" }, "ecr", (data) => {
    const [first] = data as { proxyEndpoint: string }[];
    assert.equal(first?.proxyEndpoint, "https://registry.attacker.example");
  }],
  [{ kind: "foreign-proxy-endpoint", proxyEndpoint: "https://evil.example" }, "ecr", (data) => {
    const [first] = data as { proxyEndpoint: string }[];
    assert.equal(first?.proxyEndpoint, "https://evil.example");
  }],
];

for (const [fault, service, check] of spoilt) {
  Deno.test(`${service}: the answer spoilt by ${JSON.stringify(fault)}`, async () => {
    await using aws = await startAws();
    aws.fault(fault);
    check(await calls[service]?.(aws));
  });
}

Deno.test("a hanging request is released when the server is disposed", async () => {
  const aws = await startAws();
  aws.fault({ kind: "hang" });
  const asked = calls["ecr"]?.(aws).then(() => "answered", () => "broken off");
  while (aws.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  await aws[Symbol.asyncDispose]();
  assert.equal(await asked, "broken off");
});

Deno.test("a slow answer is cut short when the server is disposed", async () => {
  const aws = await startAws({ latency: 3_600_000 });
  const asked = calls["ecr"]?.(aws).then(() => "answered", () => "broken off");
  while (aws.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  await aws[Symbol.asyncDispose]();
  assert.equal(await asked, "broken off");
});

Deno.test("a fault hits its service, its operation and its times only", async () => {
  await using aws = await startAws();
  aws.fault({ kind: "5xx", service: "sts", operation: "GetCallerIdentity" });
  aws.fault({ kind: "throttle", service: "ecr", times: 2 });
  await calls["sts"]?.(aws);
  await assert.rejects(async () => await calls["ecr"]?.(aws), { name: "ThrottlingException" });
  await calls["ecr-public"]?.(aws);
  await assert.rejects(async () => await calls["ecr"]?.(aws), { name: "ThrottlingException" });
  await calls["ecr"]?.(aws);
  aws.fault({ kind: "throttle" });
  aws.clearFaults();
  await calls["ecr"]?.(aws);
});
