/**
 * The catalogue of known messages: what AWS, registries, docker and its credential stores say when
 * a login or a pull fails, in one table, with what it means and what mends it. Sources: the AWS and
 * docker documentation and the sources of docker/cli and docker-credential-helpers.
 *
 * @module
 */

import { type ExitCode, exitCodes, UserError } from "./errors.ts";
import { scrub } from "./secret.ts";
import { webIdentityMessages } from "./web_identity_messages.ts";

/** What was going on when a message came. */
export interface Situation {
  /** Host of the registry. */
  readonly registry?: string | undefined;
  /** The program that said it: `"docker"`. */
  readonly tool?: string | undefined;
  /** Whose credentials were in use: `profile "blog"`. */
  readonly identity?: string | undefined;
  /** ARN of the role that was to be assumed, where AWS does not name it. */
  readonly role?: string | undefined;
  /** The command that renews these credentials, where there is one. */
  readonly renew?: string | undefined;
}

/** Most of what was said that is searched, in characters. */
const longestSaid = 8192;

/** A row: a message that is told by `pattern`, whose groups the texts may use. */
export interface KnownMessage {
  readonly code: string;
  readonly exitCode: ExitCode;
  readonly pattern: RegExp;
  /** Whether only tools and registries say it: AWS's own errors are not searched for it. */
  readonly byTool?: boolean;
  readonly message: (situation: Situation, match: RegExpExecArray) => string;
  readonly hint: (situation: Situation, match: RegExpExecArray) => string;
}

const registry = ({ registry }: Situation): string => registry ?? "the registry";
const tool = ({ tool }: Situation): string => tool ?? "docker";
const identity = ({ identity }: Situation): string => identity ?? "the AWS identity";

/** `ecrin HOST`, which logs in again. */
const logIn = (situation: Situation): string => `run: ecrin ${situation.registry ?? "REGISTRY"}`;

/** The way round a credential store that does not work. */
const otherStore = (situation: Situation): string =>
  `or log in without it: set "credHelpers": {"${registry(situation)}": ""} in ${
    tool(situation)
  }'s config.json`;

/** AWS's sentence for a refused action, with its principal. */
const refused = (action: string): RegExp =>
  new RegExp(
    `(?:User: (\\S+) is )?not authorized to perform:? ${action}(?![\\w:])(?: on resource: (\\S+))?`,
    "i",
  );

/** Who was refused: the principal that AWS names, else the identity as the user knows it. */
const principal = (situation: Situation, match: RegExpExecArray): string =>
  match[1] ?? identity(situation);

/** The line in which the pattern was found. */
function lineOf({ input, index }: RegExpExecArray): string {
  const start = input.lastIndexOf("\n", index) + 1;
  return input.slice(start).split("\n", 1)[0]?.trim().slice(0, 200) ?? "";
}

/** The table. The first row whose pattern fits is taken, so the special ones come first. */
export const knownMessages: readonly KnownMessage[] = [
  {
    code: "get-authorization-token-denied",
    exitCode: exitCodes.credentials,
    pattern: refused("ecr(?:-public)?:GetAuthorizationToken"),
    message: (s, match) => `${principal(s, match)} may not get an ECR authorization token`,
    hint: (_, match) =>
      `allow ${
        /ecr(?:-public)?:GetAuthorizationToken/i.exec(match[0])?.[0]
      } on resource "*" in its IAM policy`,
  },
  {
    code: "service-bearer-token-denied",
    exitCode: exitCodes.credentials,
    pattern: refused("sts:GetServiceBearerToken"),
    message: (s, match) => `${principal(s, match)} may not get a token for ECR Public`,
    hint: () => `allow sts:GetServiceBearerToken on resource "*" in its IAM policy`,
  },
  {
    code: "assume-role-denied",
    exitCode: exitCodes.credentials,
    pattern: refused("sts:AssumeRole(?:WithWebIdentity)?"),
    message: (s, match) =>
      `${principal(s, match)} may not assume ${match[2] ?? s.role ?? "the role"}`,
    hint: (_, match) =>
      /WithWebIdentity/i.test(match[0])
        ? "the role's trust policy must allow the token's issuer, and its conditions the token's " +
          "subject (sub: repository, branch) and audience (aud)"
        : "both must allow it: the caller's IAM policy and the role's trust policy",
  },
  ...webIdentityMessages,
  {
    code: "session-details-denied",
    exitCode: exitCodes.credentials,
    pattern: refused("(sts:TagSession|sts:SetSourceIdentity)"),
    message: (s, match) =>
      `${principal(s, match)} may not use ${match[2]} on ${match[3] ?? "the role"}`,
    hint: (_, match) => `allow ${match[2]} in its IAM policy and in the role's trust policy`,
  },
  {
    code: "repository-denied",
    exitCode: exitCodes.credentials,
    pattern: refused("ecr:(\\w+)"),
    message: (s, match) => `${principal(s, match)} may not use ecr:${match[2]} on the repository`,
    hint: (_, match) => `the login is fine; allow ecr:${match[2]} in the repository policy or IAM`,
  },
  {
    code: "mfa-device-unknown",
    exitCode: exitCodes.credentials,
    pattern: /MultiFactorAuthentication failed, unable to validate MFA code/i,
    message: (s) => `${identity(s)} has no such MFA device`,
    hint: () => "check mfa_serial in the profile, or --mfa-serial; run: aws iam list-mfa-devices",
  },
  {
    code: "mfa-failed",
    exitCode: exitCodes.credentials,
    pattern: /MultiFactorAuthentication failed/i,
    message: () => "the MFA code is wrong or was used before",
    hint: () => "wait for the next code, then try again",
  },
  {
    code: "session-too-long",
    exitCode: exitCodes.usage,
    pattern: /DurationSeconds exceeds the (MaxSessionDuration|1 hour session limit)/i,
    message: (_, match) =>
      /hour/.test(match[1] ?? "")
        ? "a role that is assumed by another role's session gives sessions of 1h at most"
        : "the role gives no sessions as long as that",
    hint: (_, match) =>
      /hour/.test(match[1] ?? "")
        ? "use: --duration 1h"
        : "ask for less with --duration, or raise the role's maximum session duration",
  },
  {
    code: "clock-skew",
    exitCode: exitCodes.credentials,
    pattern: /is now earlier than|Signature not yet current|RequestTimeTooSkewed|RequestExpired/i,
    message: () => "this machine's clock differs from AWS's by more than five minutes",
    hint: () => "set the clock, for instance: sudo timedatectl set-ntp true",
  },
  {
    code: "expired-credentials",
    exitCode: exitCodes.credentials,
    pattern: /ExpiredToken|security token included in the request is expired/i,
    message: (s) => `the AWS credentials of ${identity(s)} have expired`,
    hint: ({ renew }) => renew ?? "get new ones: sign in again, or set the AWS_… variables anew",
  },
  {
    code: "wrong-secret-key",
    exitCode: exitCodes.credentials,
    pattern: /SignatureDoesNotMatch|InvalidSignatureException/,
    message: (s) => `AWS refused the signature made with the secret access key of ${identity(s)}`,
    hint: () => "check that the secret access key belongs to the access key and is complete",
  },
  {
    code: "unknown-access-key",
    exitCode: exitCodes.credentials,
    pattern:
      /UnrecognizedClientException|InvalidClientTokenId|InvalidAccessKeyId|security token included in the request is invalid/i,
    message: (s) => `AWS does not know the access key of ${identity(s)}`,
    hint: () =>
      "check the key, and its partition; a temporary key needs its AWS_SESSION_TOKEN: set all three variables",
  },
  {
    code: "throttled",
    exitCode: exitCodes.network,
    pattern: /Throttling|Too ?Many ?Requests|Rate exceeded|RequestLimitExceeded/i,
    message: (s, match) =>
      `too many requests: ${s.registry ?? "AWS"} slowed down ${
        s.registry === undefined ? identity(s) : tool(s)
      }: ${lineOf(match)}`,
    hint: () => "wait a minute, then try again; run fewer logins at once",
  },
  {
    code: "token-expired",
    byTool: true,
    exitCode: exitCodes.tool,
    pattern: /authorization token has expired/i,
    message: (s) => `${registry(s)} says that the authorization token has expired`,
    hint: (s) => `it is older than 12 hours or of another region; ${logIn(s)}`,
  },
  {
    code: "public-not-authorized",
    byTool: true,
    exitCode: exitCodes.tool,
    pattern: /\bdenied: Not Authorized/i,
    message: () => "public.ecr.aws refused a token that is for private registries",
    hint: () => "run: ecrin --public",
  },
  {
    code: "no-basic-auth",
    byTool: true,
    exitCode: exitCodes.tool,
    pattern: /no basic auth credentials/i,
    message: (s) => `${tool(s)} has no login for exactly this host: ${registry(s)}`,
    hint: logIn,
  },
  {
    code: "ecr-login-configured",
    byTool: true,
    exitCode: exitCodes.tool,
    pattern: /error storing credentials[\s\S]*not implemented/i,
    message: (s) => `nothing needs logging in: Amazon's helper ecr-login serves ${registry(s)}`,
    hint: (s) =>
      `to use ecrin's login instead, take ecr-login out of credsStore and credHelpers in ${
        tool(s)
      }'s config.json`,
  },
  {
    code: "pass-not-initialized",
    byTool: true,
    exitCode: exitCodes.tool,
    pattern: /pass not initialized|pass store is uninitialized/i,
    message: (s) => `the credential store pass, which ${tool(s)} uses, is not initialised`,
    hint: (s) => `run: pass init GPG-KEY-ID; ${otherStore(s)}`,
  },
  {
    code: "keychain-locked",
    byTool: true,
    exitCode: exitCodes.tool,
    pattern: /-25308|User interaction is not allowed/i,
    message: () => "the macOS keychain is locked, as it is over SSH",
    hint: (s) => `run: security unlock-keychain; ${otherStore(s)}`,
  },
  {
    code: "keychain-busy",
    byTool: true,
    exitCode: exitCodes.tool,
    pattern: /-25299|already exists in the keychain/i,
    message: () => "the macOS keychain was written to by two programs at once",
    hint: () => "try again",
  },
  {
    code: "wincred-too-small",
    byTool: true,
    exitCode: exitCodes.tool,
    pattern: /stub received bad data/i,
    message: () => "the Windows credential manager holds 2,560 bytes at most; the token is longer",
    hint: (s) =>
      `log in without it: set "credHelpers": {"${registry(s)}": ""} in ${tool(s)}'s config.json`,
  },
  {
    code: "credential-store-missing",
    byTool: true,
    exitCode: exitCodes.tool,
    // the second is what Go's execabs makes of it in docker 20
    pattern:
      /docker-credential-([\w.-]+)(?:": executable file not found| resolves to executable in current)/i,
    message: (s, match) =>
      `${tool(s)} is set to use the credential store ${match[1]}, which is not installed`,
    hint: (s, match) => `install docker-credential-${match[1]}; ${otherStore(s)}`,
  },
  {
    code: "credential-store-failed",
    byTool: true,
    exitCode: exitCodes.tool,
    pattern: /error storing credentials - err: [^,\n]{1,100}, out: `([^`\n]{1,500})`/i,
    message: (s, match) => `${tool(s)}'s credential store failed: ${match[1]?.trim()}`,
    hint: (s) => `mend the store; ${otherStore(s)}`,
  },
  {
    code: "tool-missing",
    byTool: true,
    exitCode: exitCodes.tool,
    pattern: /exec: "(\w+)": (?:executable file )?not found|(\w+): command not found/i,
    message: (_, match) => `${match[1] ?? match[2]} is not installed`,
    hint: () => "install it, or use: --tool file",
  },
  {
    code: "daemon-unreachable",
    byTool: true,
    exitCode: exitCodes.tool,
    pattern: /Cannot connect to the (?:Docker daemon|Podman)/i,
    message: (s) => `${tool(s)} cannot reach its daemon`,
    hint: (s) => `start it, or check DOCKER_HOST and: ${tool(s)} context ls; or use: --tool file`,
  },
  {
    code: "registry-failed",
    byTool: true,
    exitCode: exitCodes.network,
    // docker's and podman's way to tell a status
    pattern: /(?:status(?: code)?:?|status code from registry|HTTP code) "?(5\d\d[\w ()]*)/i,
    message: (s, match) => `${registry(s)} answered the login with ${match[1]?.trim()}`,
    hint: () => "try again in a minute",
  },
  {
    code: "registry-unreachable",
    byTool: true,
    exitCode: exitCodes.network,
    pattern:
      /dial tcp|no such host|i\/o timeout|Client\.Timeout|connection refused|connection reset|TLS handshake timeout|\/v2\/": (?:unexpected )?EOF/i,
    message: (s) => `${tool(s)} could not reach ${registry(s)}`,
    hint: () => "check the network, the proxy variables and the registry's name",
  },
  {
    code: "registry-certificate",
    byTool: true,
    exitCode: exitCodes.network,
    pattern: /x509:|certificate/i,
    message: (s) => `${tool(s)} does not trust the certificate of ${registry(s)}`,
    hint: () =>
      "add the company's certificate authority to the system's, or ask who intercepts TLS",
  },
  {
    code: "registry-bad-request",
    byTool: true,
    exitCode: exitCodes.tool,
    pattern: /400 Bad Request/i,
    message: (s) => `${registry(s)} answered 400 Bad Request: the token is of another region`,
    hint: (s) => `use the region in the registry's name; ${logIn(s)}`,
  },
  {
    code: "registry-refused",
    byTool: true,
    exitCode: exitCodes.tool,
    pattern:
      /\b401\b|unauthorized|authentication required|incorrect username or password|invalid username\/password/i,
    message: (s) => `${registry(s)} refused the password`,
    hint: () =>
      "check that account, region and registry belong together; --verbose shows the identity",
  },
];

/**
 * The error for a known message, or `undefined`.
 *
 * @param text what was said: a tool's output, or an SDK error as `"name: message"`
 */
export function explain(text: string, situation: Situation): UserError | undefined {
  // patterns take long over a text without end, and a run's time limit could not end that
  const said = text.length <= longestSaid
    ? text
    : `${text.slice(0, longestSaid / 2)}\n${text.slice(-longestSaid / 2)}`;
  for (const known of knownMessages) {
    if (known.byTool && situation.tool === undefined) continue;
    const match = known.pattern.exec(said);
    if (match === null) continue;
    return new UserError(scrub(known.message(situation, match)), {
      code: known.code,
      exitCode: known.exitCode,
      hint: scrub(known.hint(situation, match)),
      cause: scrub(said),
    });
  }
  return undefined;
}
