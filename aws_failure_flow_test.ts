/**
 * What AWS's refusals and bad answers become: an exit code and two lines, with nothing written.
 */

import assert from "node:assert/strict";
import { startAws } from "./testing/aws.ts";
import { runCli } from "./testing/cli.ts";
import { userEnv } from "./testing/ecrin.ts";
import { assertFails } from "./testing/failing_runs.ts";
import type { FaultKind } from "./testing/faults.ts";
import type { Failure } from "./testing/outcomes.ts";
import { ssoProfile, ssoSessionFile } from "./testing/profile_files.ts";
import type { Service } from "./testing/protocol.ts";

const region = "eu-west-1";
const role = "arn:aws:iam::222222222222:role/deploy";
const roleArgs = ["--region", region, "--account", "222222222222", "--role", "deploy"];
const user = "arn:aws:iam::111111111111:user/deploy";

/** How patient a run is by itself is for retry_flow_test.ts. */
const threeTries = { AWS_MAX_ATTEMPTS: "3" };

/** How a run must fail. */
interface Expected extends Failure {
  /** Requests of the service that fails; default any number. */
  requests?: number;
}

const unreadable: Expected = {
  exitCode: 5,
  code: "unreadable-answer",
  message: /^the answer to \w+.* is not what AWS sends$/,
  hint: /AWS_ENDPOINT_URL/,
  requests: 1,
};

const noToken: Expected = {
  exitCode: 5,
  code: "unreadable-token",
  message: /^ECR answered without an authorization token$/,
  hint: /AWS_ENDPOINT_URL_ECR/,
  requests: 1,
};

/** The faults whose report does not depend on the service. */
const everywhere: [FaultKind, Expected][] = [
  ["throttle", {
    exitCode: 5,
    code: "throttled",
    message: /^too many requests: AWS slowed down .*: (Throttling|TooMany).* \(3 tries\)$/,
    hint: /^wait a minute/,
    requests: 3,
  }],
  ["5xx", {
    exitCode: 5,
    code: "aws-unavailable",
    message: /^AWS could not do \w+.*: 50\d \w+: .*\(3 tries\)$/,
    hint: /^try again in a minute$/,
    requests: 3,
  }],
  ["reset", {
    exitCode: 5,
    code: "network-closed",
    message: /^could not reach 127\.0\.0\.1:\d+: the connection was closed .*\(3 tries\)$/,
    hint: /^try again$/,
    requests: 3,
  }],
  ["garbage", unreadable],
  ["error", {
    exitCode: 4,
    code: "aws-refused",
    message:
      /^AWS refused \w+.*: (ValidationException|InvalidRequestException): The request is not valid$/,
    hint: /--verbose/,
    requests: 1,
  }],
];

const expired: [FaultKind, Expected] = ["expired", {
  exitCode: 4,
  code: "expired-credentials",
  message: /^the AWS credentials of the keys in the environment have expired$/,
  hint: /AWS_SESSION_TOKEN/,
  requests: 1,
}];

const clockSkew: [FaultKind, Expected] = ["clock-skew", {
  exitCode: 4,
  code: "clock-skew",
  message: /^this machine's clock differs from AWS's by more than five minutes$/,
  hint: /^set the clock/,
}];

const ecrFaults: [FaultKind, Expected][] = [
  ...everywhere,
  expired,
  clockSkew,
  ["empty-list", noToken],
  ["null-fields", noToken],
];

const faultTable: Record<
  string,
  { service: Service; args: string[]; faults: [FaultKind, Expected][] }
> = {
  "private ECR": { service: "ecr", args: ["--region", region], faults: ecrFaults },
  "ECR Public": { service: "ecr-public", args: ["--public"], faults: ecrFaults },
  "STS": {
    service: "sts",
    args: roleArgs,
    faults: [
      ...everywhere,
      expired,
      clockSkew,
      ["empty-list", unreadable],
      ["null-fields", unreadable],
    ],
  },
};

for (const [name, { service, args, faults }] of Object.entries(faultTable)) {
  for (const [kind, expected] of faults) {
    Deno.test(`${name}: ${kind} is said in two lines and nothing is written`, async () => {
      await assertFails([...args, "--tool", "file"], expected, {
        arrange: (aws) => {
          aws.fault({ kind, service });
          return threeTries;
        },
        requests: { of: service, count: expected.requests },
      });
    });
  }
}

const noRoleCredentials: Expected = {
  exitCode: 5,
  code: "unreadable-answer",
  message: /^the answer to GetRoleCredentials holds no credentials$/,
  hint: /AWS_ENDPOINT_URL/,
  requests: 1,
};

const ssoFaults: [FaultKind, Expected][] = [
  ...everywhere,
  ["expired", {
    exitCode: 4,
    code: "sso-session-refused",
    message: /^AWS refused the SSO session of profile "blog"$/,
    hint: /^run: ecrin sso login --profile blog$/,
    requests: 1,
  }],
  ["access-denied", {
    exitCode: 4,
    code: "sso-role-not-assigned",
    message: /^the role deploy of account 222222222222 is not assigned to you in SSO$/,
    hint: /ask whoever assigns access$/,
    requests: 1,
  }],
  ["empty-list", noRoleCredentials],
  ["null-fields", noRoleCredentials],
];

for (const [kind, expected] of ssoFaults) {
  Deno.test(`SSO: ${kind} is said in two lines and nothing is written`, async () => {
    await assertFails(["--profile", "blog", "--tool", "file"], expected, {
      arrange: async (aws, home) => {
        aws.fault({ kind, service: "sso" });
        // nothing refreshes it, so that a refusal is final
        const token = { ...aws.sso.signIn(), refreshToken: undefined };
        await home.write(".aws/config", ssoProfile({ region }));
        await home.write(ssoSessionFile, JSON.stringify(token));
        return threeTries;
      },
      requests: { of: "sso", count: expected.requests },
    });
  });
}

/** Each action of which AWS says "not authorized", where it comes up, and what mends it. */
const denials: { action: string; args: string[]; service: Service; expected: Expected }[] = [
  {
    action: "ecr:GetAuthorizationToken",
    args: ["--region", region],
    service: "ecr",
    expected: {
      exitCode: 4,
      code: "get-authorization-token-denied",
      message: /^arn:aws:iam::111111111111:user\/deploy may not get an ECR authorization token$/,
      hint: /^allow ecr:GetAuthorizationToken on resource "\*"/,
      requests: 1,
    },
  },
  {
    action: "ecr-public:GetAuthorizationToken",
    args: ["--public"],
    service: "ecr-public",
    expected: {
      exitCode: 4,
      code: "get-authorization-token-denied",
      message: /may not get an ECR authorization token$/,
      hint: /^allow ecr-public:GetAuthorizationToken on resource "\*"/,
      requests: 1,
    },
  },
  {
    action: "sts:GetServiceBearerToken",
    args: ["--public"],
    service: "ecr-public",
    expected: {
      exitCode: 4,
      code: "service-bearer-token-denied",
      message: /^arn:aws:iam::111111111111:user\/deploy may not get a token for ECR Public$/,
      hint: /^allow sts:GetServiceBearerToken on resource "\*"/,
      requests: 1,
    },
  },
  {
    action: "sts:AssumeRole",
    args: roleArgs,
    service: "sts",
    expected: {
      exitCode: 4,
      code: "assume-role-denied",
      message:
        /^arn:aws:iam::111111111111:user\/deploy may not assume arn:aws:iam::222222222222:role\/deploy$/,
      hint: /^both must allow it/,
      requests: 1,
    },
  },
];

for (const { action, args, service, expected } of denials) {
  Deno.test(`who may not do ${action} is told who must allow what`, async () => {
    await assertFails([...args, "--tool", "file"], expected, {
      arrange: (aws) => aws.keys.env(aws.keys.add({ arn: user, denied: [action] })),
      requests: { of: service, count: expected.requests },
    });
  });
}

Deno.test("a role that takes no tags is named with the permission that is missing", async () => {
  await assertFails([...roleArgs, "--tag", "team=a", "--tool", "file"], {
    exitCode: 4,
    code: "session-details-denied",
    message: /may not use sts:TagSession on arn:aws:iam::222222222222:role\/deploy$/,
    hint: /^allow sts:TagSession/,
  }, { aws: { roles: [{ arn: role, tagSession: false }] } });
});

const wrongKeys: Record<string, [change: Record<string, string>, expected: Expected]> = {
  "an access key that AWS does not know": [{ AWS_ACCESS_KEY_ID: "AKIAUNKNOWN000000001" }, {
    exitCode: 4,
    code: "unknown-access-key",
    message: /^AWS does not know the access key of the keys in the environment$/,
    hint: /AWS_SESSION_TOKEN/,
  }],
  "a secret key of another access key": [{ AWS_SECRET_ACCESS_KEY: "not-a-secret-of-anybody" }, {
    exitCode: 4,
    code: "wrong-secret-key",
    message: /^AWS refused the signature made with the secret access key of the keys in the env/,
    hint: /belongs to the access key/,
  }],
};

for (const [name, [change, expected]] of Object.entries(wrongKeys)) {
  Deno.test(`${name} is said`, async () => {
    await assertFails(["--region", region, "--tool", "file"], expected, { arrange: () => change });
  });
}

Deno.test("a web identity that STS answers with a web page is not called refused", async () => {
  await assertFails(["--region", region, "--tool", "file"], unreadable, {
    arrange: async (aws, home) => {
      const token = aws.webIdentities.issue({
        audience: "sts.amazonaws.com",
        expiresAt: Date.now() + 300_000,
      });
      aws.fault({ kind: "garbage", service: "sts" });
      return {
        AWS_ACCESS_KEY_ID: "",
        AWS_WEB_IDENTITY_TOKEN_FILE: await home.write("token", token),
        AWS_ROLE_ARN: role,
      };
    },
  });
});

Deno.test("a number in AWS's words is not taken for a status of the registry", async () => {
  await assertFails(["--region", region, "--tool", "file"], {
    exitCode: 4,
    code: "aws-refused",
    message: /^AWS refused GetAuthorizationToken: ValidationException: No such thing in 4014014/,
    hint: /--verbose/,
  }, {
    arrange: (aws) => {
      aws.fault({ kind: "error", message: "No such thing in 401401401401, request 9f401e" });
    },
  });
});

Deno.test("a clock that is wrong by an hour is corrected by AWS's own", async () => {
  await using aws = await startAws();
  aws.clockOffset = 3600_000;
  const env = userEnv(aws);
  const { code, stderr } = await runCli(["--region", region, "--tool", "file"], { env });
  assert.equal(code, 0, stderr);
});

Deno.test("a fault that passes is no failure", async (t) => {
  for (const kind of ["throttle", "reset", "5xx"] as const) {
    for (const service of ["sts", "ecr"] as const) {
      await t.step(`${kind} of ${service}`, async () => {
        await using aws = await startAws();
        aws.fault({ kind, service, times: 1 });
        const env = userEnv(aws);
        const { code, stderr } = await runCli([...roleArgs, "--tool", "file"], { env });
        assert.equal(code, 0, stderr);
        assert.equal(stderr.split("\n").length, 2, stderr);
        assert.equal(aws.requestsOf(service).length, 2);
      });
    }
  }
});

Deno.test("AWS_MAX_ATTEMPTS says how often a request is tried", async () => {
  await using aws = await startAws();
  aws.fault({ kind: "5xx" });
  const env = { ...userEnv(aws), AWS_MAX_ATTEMPTS: "1" };
  const { code, stderr } = await runCli(["--region", region, "--tool", "file"], { env });
  assert.equal(code, 5);
  assert.equal(aws.requests.length, 1);
  assert.doesNotMatch(stderr, /tries/);
});
