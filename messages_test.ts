import assert from "node:assert/strict";
import { type ExitCode, exitCodes } from "./errors.ts";
import { explain, knownMessages, type Situation } from "./messages.ts";
import { conceal } from "./secret.ts";

const user = "arn:aws:iam::111111111111:user/ann";
const role = "arn:aws:iam::222222222222:role/deploy";
const host = "222222222222.dkr.ecr.eu-west-1.amazonaws.com";
const situation: Situation = { registry: host, tool: "docker", identity: 'profile "blog"' };

/** What is said, the row that knows it, its exit code, and what message and hint must tell. */
const rows: readonly (readonly [
  said: string,
  code: string,
  exitCode: ExitCode,
  message: string,
  hint: string,
])[] = [
  [
    `AccessDeniedException: User: ${user} is not authorized to perform: ecr:GetAuthorizationToken on resource: *`,
    "get-authorization-token-denied",
    exitCodes.credentials,
    user,
    'ecr:GetAuthorizationToken on resource "*"',
  ],
  [
    `User: ${user} is not authorized to perform: ecr-public:GetAuthorizationToken on resource: *`,
    "get-authorization-token-denied",
    exitCodes.credentials,
    user,
    'ecr-public:GetAuthorizationToken on resource "*"',
  ],
  [
    `User: ${user} is not authorized to perform: sts:GetServiceBearerToken on resource: *`,
    "service-bearer-token-denied",
    exitCodes.credentials,
    "ECR Public",
    "sts:GetServiceBearerToken",
  ],
  [
    `AccessDenied: User: ${user} is not authorized to perform: sts:AssumeRole on resource: ${role}`,
    "assume-role-denied",
    exitCodes.credentials,
    `${user} may not assume ${role}`,
    "trust policy",
  ],
  [
    "AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity",
    "assume-role-denied",
    exitCodes.credentials,
    'profile "blog" may not assume the role',
    "subject (sub: repository, branch) and audience (aud)",
  ],
  [
    "InvalidIdentityTokenException: Incorrect token audience",
    "web-identity-audience",
    exitCodes.credentials,
    "another audience",
    "sts.amazonaws.com",
  ],
  [
    "InvalidIdentityTokenException: No OpenIDConnect provider found in your account for https://gitlab.com",
    "web-identity-provider",
    exitCodes.credentials,
    "no OIDC provider https://gitlab.com",
    "aws iam create-open-id-connect-provider --url https://gitlab.com",
  ],
  [
    "ExpiredTokenException: Token expired: current date/time 1700000001 must be before the expiration date/time 1700000000",
    "web-identity-expired",
    exitCodes.credentials,
    "the token has expired",
    "last minutes",
  ],
  [
    "InvalidIdentityTokenException: Couldn't retrieve verification key from your identity provider.",
    "web-identity-invalid",
    exitCodes.credentials,
    "verification key from your identity provider",
    "issuer that AWS can reach",
  ],
  [
    `User: ${user} is not authorized to perform: sts:TagSession on resource: ${role}`,
    "session-details-denied",
    exitCodes.credentials,
    role,
    "sts:TagSession",
  ],
  [
    `User: ${user} is not authorized to perform: sts:SetSourceIdentity on resource: ${role}`,
    "session-details-denied",
    exitCodes.credentials,
    role,
    "sts:SetSourceIdentity",
  ],
  [
    `User: ${user} is not authorized to perform: ecr:BatchGetImage on resource: arn:aws:ecr:x`,
    "repository-denied",
    exitCodes.credentials,
    "ecr:BatchGetImage",
    "the login is fine",
  ],
  [
    "AccessDenied: MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.",
    "mfa-device-unknown",
    exitCodes.credentials,
    "has no such MFA device",
    "aws iam list-mfa-devices",
  ],
  [
    "AccessDenied: MultiFactorAuthentication failed with invalid MFA one time pass code.",
    "mfa-failed",
    exitCodes.credentials,
    "MFA code",
    "next code",
  ],
  [
    "ValidationError: The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    "session-too-long",
    exitCodes.usage,
    "no sessions as long",
    "--duration",
  ],
  [
    "ValidationError: The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
    "session-too-long",
    exitCodes.usage,
    "1h at most",
    "--duration 1h",
  ],
  [
    "InvalidSignatureException: Signature expired: 20261120T200000Z is now earlier than 20261120T210000Z",
    "clock-skew",
    exitCodes.credentials,
    "clock",
    "set the clock",
  ],
  [
    "SignatureDoesNotMatch: Signature not yet current: 20261120T220000Z is still later than …",
    "clock-skew",
    exitCodes.credentials,
    "clock",
    "set the clock",
  ],
  [
    "ExpiredTokenException: The security token included in the request is expired",
    "expired-credentials",
    exitCodes.credentials,
    'profile "blog" have expired',
    "sign in again",
  ],
  [
    "ExpiredToken: The provided token has expired",
    "expired-credentials",
    exitCodes.credentials,
    'profile "blog" have expired',
    "sign in again",
  ],
  [
    "SignatureDoesNotMatch: The request signature we calculated does not match",
    "wrong-secret-key",
    exitCodes.credentials,
    'profile "blog"',
    "secret access key",
  ],
  [
    "UnrecognizedClientException: The security token included in the request is invalid.",
    "unknown-access-key",
    exitCodes.credentials,
    'profile "blog"',
    "AWS_SESSION_TOKEN",
  ],
  [
    "InvalidClientTokenId: The security token included in the request is invalid.",
    "unknown-access-key",
    exitCodes.credentials,
    'profile "blog"',
    "AWS_SESSION_TOKEN",
  ],
  [
    "ThrottlingException: Rate exceeded",
    "throttled",
    exitCodes.network,
    "too many requests",
    "wait a minute",
  ],
  ["toomanyrequests: Rate exceeded", "throttled", exitCodes.network, "too many", "wait"],
  [
    "Your authorization token has expired. Reauthenticate and try again.",
    "token-expired",
    exitCodes.tool,
    host,
    `run: ecrin ${host}`,
  ],
  [
    "denied: Not Authorized",
    "public-not-authorized",
    exitCodes.tool,
    "public.ecr.aws",
    "ecrin --public",
  ],
  [
    "no basic auth credentials",
    "no-basic-auth",
    exitCodes.tool,
    host,
    `run: ecrin ${host}`,
  ],
  [
    "Error saving credentials: error storing credentials - err: exit status 1, out: `not implemented`",
    "ecr-login-configured",
    exitCodes.tool,
    "nothing needs logging in",
    "credHelpers",
  ],
  [
    "error storing credentials - err: exit status 1, out: `pass not initialized: exit status 1`",
    "pass-not-initialized",
    exitCodes.tool,
    "pass",
    "pass init",
  ],
  [
    "error storing credentials - err: exit status 1, out: `User interaction is not allowed. (-25308)`",
    "keychain-locked",
    exitCodes.tool,
    "keychain is locked",
    "unlock-keychain",
  ],
  [
    "out: `The specified item already exists in the keychain. (-25299)`",
    "keychain-busy",
    exitCodes.tool,
    "keychain",
    "try again",
  ],
  [
    "error storing credentials - err: exit status 1, out: `The stub received bad data.`",
    "wincred-too-small",
    exitCodes.tool,
    "2,560 bytes",
    "credHelpers",
  ],
  [
    "Error saving credentials: error storing credentials - err: exit status 1, out: `no D-Bus`",
    "credential-store-failed",
    exitCodes.tool,
    "docker's credential store failed: no D-Bus",
    "credHelpers",
  ],
  [
    'error storing credentials - err: exec: "docker-credential-osxkeychain": executable file not found in $PATH, out: ``',
    "credential-store-missing",
    exitCodes.tool,
    "osxkeychain",
    "docker-credential-osxkeychain",
  ],
  [
    "error storing credentials - err: docker-credential-gone resolves to executable in current directory (./docker-credential-gone), out: ``",
    "credential-store-missing",
    exitCodes.tool,
    "credential store gone",
    "docker-credential-gone",
  ],
  ['exec: "docker": not found', "tool-missing", exitCodes.tool, "docker", "--tool file"],
  [
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
    "daemon-unreachable",
    exitCodes.tool,
    "daemon",
    "--tool file",
  ],
  [
    'Error response from daemon: Get "https://x/v2/": dial tcp: lookup x: no such host',
    "registry-unreachable",
    exitCodes.network,
    host,
    "proxy",
  ],
  [
    `Get "http://${host}/v2/": EOF`,
    "registry-unreachable",
    exitCodes.network,
    host,
    "proxy",
  ],
  [
    `login attempt to http://${host}/v2/ failed with status: 503 Service Unavailable`,
    "registry-failed",
    exitCodes.network,
    "503 Service Unavailable",
    "try again",
  ],
  [
    `pinging container registry ${host}: invalid status code from registry 503 (Service Unavailable)`,
    "registry-failed",
    exitCodes.network,
    "503 (Service Unavailable)",
    "try again",
  ],
  [
    `login attempt to http://${host}/v2/ failed with status: 429 Too Many Requests`,
    "throttled",
    exitCodes.network,
    host,
    "wait",
  ],
  [
    "x509: certificate signed by unknown authority",
    "registry-certificate",
    exitCodes.network,
    host,
    "certificate authority",
  ],
  [
    "login attempt to https://x/v2/ failed with status: 400 Bad Request",
    "registry-bad-request",
    exitCodes.tool,
    "another region",
    `ecrin ${host}`,
  ],
  [
    'Get "https://x/v2/": unauthorized: authentication required',
    "registry-refused",
    exitCodes.tool,
    host,
    "--verbose",
  ],
];

for (const [said, code, exitCode, message, hint] of rows) {
  Deno.test(`"${said.slice(0, 60)}" is ${code}`, () => {
    const error = explain(said, situation);
    assert.equal(error?.code, code);
    assert.equal(error.exitCode, exitCode);
    assert.ok(error.message.includes(message), error.message);
    assert.ok(error.hint?.includes(hint), error.hint);
  });
}

Deno.test("every row of the table has a test", () => {
  const tested = new Set(rows.map(([, code]) => code));
  assert.deepEqual(knownMessages.map(({ code }) => code).filter((code) => !tested.has(code)), []);
});

Deno.test("every message and hint keeps the rule: lower case, no full stop, no empty place", () => {
  for (const [said] of rows) {
    for (const known of [situation, { tool: "docker" }]) {
      const error = explain(said, known);
      for (const text of [error?.message ?? "", error?.hint ?? ""]) {
        assert.match(text, /^(?![A-Z][a-z])/);
        assert.doesNotMatch(text, /\.$|undefined|^$/);
      }
    }
  }
});

Deno.test("a message that nobody knows is not explained", () => {
  assert.equal(explain("something else entirely", situation), undefined);
});

Deno.test("the command that renews the credentials is the hint when they have expired", () => {
  const error = explain("ExpiredToken: x", { renew: "run: ecrin sso login --profile blog" });
  assert.equal(error?.hint, "run: ecrin sso login --profile blog");
});

Deno.test("a secret in what was said is not passed on", () => {
  conceal("secret-in-message");
  const error = explain(
    "User: secret-in-message is not authorized to perform: sts:AssumeRole on resource: x",
    situation,
  );
  assert.ok(!`${error?.message}${error?.hint}${error?.cause}`.includes("secret-in-message"));
});

Deno.test("what only tools say is not looked for in AWS's errors", () => {
  for (const said of ["503 upstream connection refused", "x: unauthorized 401", "certificate x"]) {
    assert.equal(explain(said, { identity: "x" }), undefined);
    assert.notEqual(explain(said, { tool: "docker" }), undefined);
  }
});

Deno.test("a megabyte of anything is searched at once", () => {
  for (
    const part of ["error storing credentials ", "docker-credential-", "a", "InvalidIdentityToken"]
  ) {
    const started = performance.now();
    explain(part.repeat(1_000_000 / part.length), situation);
    assert.ok(performance.now() - started < 10_000, part);
  }
});

Deno.test("a known message is found at either end of a long text", () => {
  const rest = "x ".repeat(100_000);
  for (const text of [`pass not initialized ${rest}`, `${rest} pass not initialized`]) {
    assert.equal(explain(text, situation)?.code, "pass-not-initialized");
  }
});
