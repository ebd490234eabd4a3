import { ECRClient, GetAuthorizationTokenCommand } from "@aws-sdk/client-ecr";
import assert from "node:assert/strict";
import { startAws } from "./aws.ts";
import { AwsFault } from "./aws_fault.ts";
import { type AwsKey, KeyTable } from "./keys.ts";
import { canonicalRequest, verifySignature, type WireRequest } from "./sigv4.ts";

/** AWS's published example key; the signatures below are AWS's own, made with it. */
const vectorKey: AwsKey = {
  ...new KeyTable().user,
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};
const vectorTime = Date.parse("2015-08-30T12:36:00Z");
const token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";

interface Vector {
  name: string;
  method?: string;
  path?: string;
  headers?: Record<string, string>;
  body?: string;
  sessionToken?: string;
  signature: string;
}

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html links the suite
const vectors: Vector[] = [
  {
    name: "get-vanilla",
    signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
  },
  {
    name: "post-vanilla",
    method: "POST",
    signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
  },
  {
    name: "get-unreserved",
    path: "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    signature: "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
  },
  {
    name: "get-slashes",
    path: "//example//",
    signature: "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
  },
  {
    name: "get-vanilla-query-order-key-case",
    path: "/?Param2=value2&Param1=value1",
    signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
  },
  {
    name: "get-vanilla-query-order-value",
    path: "/?Param1=value2&Param1=value1",
    signature: "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694",
  },
  {
    name: "get-vanilla-utf8-query",
    path: "/?\u1234=bar",
    signature: "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
  },
  {
    name: "get-header-value-trim",
    headers: { "my-header1": " value1", "my-header2": ' "a   b   c"' },
    signature: "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
  },
  {
    name: "post-x-www-form-urlencoded",
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: "Param1=value1",
    signature: "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
  },
  {
    name: "post-sts-header-before",
    sessionToken: token,
    signature: "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
  },
];

function vectorRequest(vector: Vector): WireRequest {
  const { method = "GET", path = "/", body = "", sessionToken } = vector;
  const headers = new Headers({
    ...vector.headers,
    host: "example.amazonaws.com",
    "x-amz-date": "20150830T123600Z",
    ...(sessionToken === undefined ? {} : { "x-amz-security-token": sessionToken }),
  });
  const signed = [...headers.keys()].sort().join(";");
  headers.set(
    "authorization",
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, " +
      `SignedHeaders=${signed}, Signature=${vector.signature}`,
  );
  const url = `https://example.amazonaws.com${path}`;
  return { method, url, headers, body: new TextEncoder().encode(body) };
}

for (const vector of vectors) {
  Deno.test(`the signature of AWS's test vector ${vector.name} is accepted`, () => {
    const key = vector.sessionToken === undefined
      ? vectorKey
      : { ...vectorKey, sessionToken: vector.sessionToken };
    const options = { lookup: () => key, service: "service", now: vectorTime };
    assert.equal(verifySignature(vectorRequest(vector), options), key);
    const otherSecret = { ...key, secretAccessKey: "not-a-secret-of-anybody" };
    const otherBody = vectorRequest({ ...vector, body: "other" });
    const otherPath = vectorRequest({ ...vector, path: "/other" });
    for (
      const refused of [
        verifySignature(vectorRequest(vector), { ...options, lookup: () => otherSecret }),
        verifySignature(otherBody, options),
        verifySignature(otherPath, options),
      ]
    ) {
      assert(refused instanceof AwsFault);
      assert.equal(refused.code, "InvalidSignatureException");
      assert.match(refused.message, /does not match the signature you provided/);
    }
  });
}

Deno.test("a path that is escaped on the wire is escaped once more in the canonical request", () => {
  const request = vectorRequest({ name: "get-space", path: "/example%20space/", signature: "0" });
  assert.equal(canonicalRequest(request, ["host"]).split("\n")[1], "/example%2520space/");
});

interface Refusal {
  name: string;
  /** Changes to the get-vanilla request. */
  headers?: Record<string, string>;
  drop?: string;
  key?: Partial<AwsKey> | null;
  region?: string;
  now?: number;
  /** Leaves the scope's service as it is. */
  service?: string;
  json: [number, string];
  sts: [number, string];
  message: RegExp;
}

const minute = 60_000;
type Answers = Pick<Refusal, "json" | "sts">;
const wrongSignature: Answers = {
  json: [400, "InvalidSignatureException"],
  sts: [403, "SignatureDoesNotMatch"],
};
const invalidToken: Answers = {
  json: [400, "UnrecognizedClientException"],
  sts: [403, "InvalidClientTokenId"],
};

const refusals: Refusal[] = [
  {
    name: "no Authorization header",
    drop: "authorization",
    json: [400, "MissingAuthenticationTokenException"],
    sts: [403, "MissingAuthenticationToken"],
    message: /missing Authentication Token/,
  },
  {
    name: "an Authorization header of another kind",
    headers: { authorization: "Basic QVdTOng=" },
    json: [400, "IncompleteSignatureException"],
    sts: [400, "IncompleteSignature"],
    message: /requires 'Credential'/,
  },
  {
    name: "no date",
    drop: "x-amz-date",
    json: [400, "IncompleteSignatureException"],
    sts: [400, "IncompleteSignature"],
    message: /X-Amz-Date/,
  },
  {
    name: "an unknown key",
    key: null,
    ...invalidToken,
    message: /^The security token included in the request is invalid\.$/,
  },
  {
    name: "a temporary key without its session token",
    key: { sessionToken: token },
    ...invalidToken,
    message: /token included in the request is invalid/,
  },
  {
    name: "a long-lived key with a session token",
    headers: { "x-amz-security-token": token },
    ...invalidToken,
    message: /token included in the request is invalid/,
  },
  {
    name: "an expired session",
    key: { expiresAt: vectorTime },
    json: [400, "ExpiredTokenException"],
    sts: [403, "ExpiredToken"],
    message: /token included in the request is expired/,
  },
  {
    name: "a scope of another region",
    region: "eu-west-1",
    ...wrongSignature,
    message: /^Credential should be scoped to a valid region\.$/,
  },
  {
    name: "a scope of another service",
    service: "other",
    ...wrongSignature,
    message: /^Credential should be scoped to correct service: '(ecr|sts)'\.$/,
  },
  {
    name: "a scope of another day",
    headers: { "x-amz-date": "20150831T000000Z" },
    now: Date.parse("2015-08-31T00:00:00Z"),
    ...wrongSignature,
    message: /'20150830' != '20150831'/,
  },
  {
    name: "a clock that is late",
    now: vectorTime + 6 * minute,
    ...wrongSignature,
    message:
      /^Signature expired: 20150830T123600Z is now earlier than 20150830T123700Z \(20150830T124200Z - 5 min\.\)$/,
  },
  {
    name: "a clock that is early",
    now: vectorTime - 6 * minute,
    ...wrongSignature,
    message: /^Signature not yet current: 20150830T123600Z is still later than 20150830T123500Z/,
  },
  {
    name: "a host that is not signed",
    headers: {
      authorization: "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/" +
        "aws4_request, SignedHeaders=x-amz-date, Signature=00",
    },
    ...wrongSignature,
    message: /'Host' or ':authority' must be a 'SignedHeader'/,
  },
];

for (const refusal of refusals) {
  for (const service of ["ecr", "sts"] as const) {
    Deno.test(`${service} refuses ${refusal.name}`, () => {
      const request = vectorRequest({
        name: refusal.name,
        signature: vectors[0]?.signature ?? "",
      });
      for (const [name, value] of Object.entries(refusal.headers ?? {})) {
        request.headers.set(name, value);
      }
      // the vectors are signed for "service"
      if (refusal.service === undefined) {
        const own = request.headers.get("authorization")?.replace("/service/", `/${service}/`);
        request.headers.set("authorization", own ?? "");
      }
      if (refusal.drop !== undefined) request.headers.delete(refusal.drop);
      const verified = verifySignature(request, {
        lookup: () => refusal.key === null ? undefined : { ...vectorKey, ...refusal.key },
        service,
        region: refusal.region,
        now: refusal.now ?? vectorTime,
      });
      assert(verified instanceof AwsFault);
      const expected = refusal[service === "sts" ? "sts" : "json"];
      assert.deepEqual([verified.status, verified.code], expected);
      assert.match(verified.message, refusal.message);
    });
  }
}

Deno.test("what the SDK signs is accepted, with the right secret only", async () => {
  await using aws = await startAws();
  const { accessKeyId, secretAccessKey } = aws.keys.user;
  for (
    const [secret, outcome] of [
      [secretAccessKey, "ok"],
      ["not-a-secret-of-anybody", "InvalidSignatureException"],
    ] as const
  ) {
    const client = new ECRClient({
      endpoint: aws.url,
      region: "eu-west-1",
      credentials: { accessKeyId, secretAccessKey: secret },
    });
    const result = await client.send(new GetAuthorizationTokenCommand({}))
      .then(() => "ok", (error: Error) => error.name);
    client.destroy();
    assert.equal(result, outcome);
  }
});
