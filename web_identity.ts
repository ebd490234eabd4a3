/**
 * Web identities: the token (a JWT) of a CI job, or one of the user's own, with which the first
 * role of `--role` is assumed. Here is decided which token it is; web_identity_session.ts gets and
 * uses it. Pure.
 *
 * ```ts
 * const choice = parseWebIdentity("env:AWS_ID_TOKEN");
 * webIdentitySource(choice, Deno.env.toObject()).name; // "the web identity in AWS_ID_TOKEN"
 * ```
 *
 * @module
 */

import type { Env } from "./aws_config.ts";
import { exitCodes, quote, usageError, UserError } from "./errors.ts";
import { Secret } from "./secret.ts";

/** The value of `--web-identity`. */
export type WebIdentityChoice =
  | { readonly kind: "auto" }
  | { readonly kind: "github" }
  | { readonly kind: "env"; readonly name: string }
  | { readonly kind: "file"; readonly path: string };

/** Where a web identity token is. */
export type WebToken =
  /** GitHub's and Forgejo's endpoint, which gives a job tokens. */
  | { readonly from: "endpoint"; readonly url: string; readonly bearer: Secret }
  | { readonly from: "variable"; readonly value: Secret }
  | { readonly from: "file"; readonly path: string }
  | { readonly from: "program"; readonly argv: readonly string[] };

/** A web identity without a role: the first role that is named is assumed with it. */
export interface WebTokenSource {
  readonly kind: "web-token";
  readonly profile: undefined;
  /** As a person calls it: `"the web identity of CircleCI"`. */
  readonly name: string;
  readonly token: WebToken;
}

/** Audience of a token for AWS: what its documentation has one register for CI platforms. */
const audience = "sts.amazonaws.com";

const forms = "expected auto, github, env:NAME or file:PATH";

/** The beginning of any JWT, base64 of `{"`: such a value is not repeated. */
const tokenStart = /\beyJ[\w-]/;

/**
 * The value of `--web-identity`.
 *
 * @throws {UserError} `bad-web-identity`; the value is not repeated where it may be a token
 */
export function parseWebIdentity(text: string): WebIdentityChoice {
  if (tokenStart.test(text)) {
    throw badChoice("takes the place of a token, not the token itself", forms);
  }
  if (text === "auto" || text === "github") return { kind: text };
  const [, kind, value = ""] = /^(env|file):([^]*)$/.exec(text) ?? [];
  if (kind === "file" && value !== "") return { kind, path: value };
  if (kind === "env") {
    if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(value)) return { kind, name: value };
    throw badChoice("env: takes the name of a variable", "write: --web-identity env:NAME");
  }
  if (text === "gitlab") throw badChoice('cannot be "gitlab"', gitlabHint);
  throw badChoice(`cannot be ${quote(text)}`, forms);
}

function badChoice(what: string, hint: string): UserError {
  return usageError("bad-web-identity", `--web-identity ${what}`, hint);
}

const gitlabHint =
  "put id_tokens: {AWS_TOKEN: {aud: sts.amazonaws.com}} in the job, and use --web-identity env:AWS_TOKEN";

/** A CI platform that gives its jobs tokens. */
interface Platform {
  readonly name: (env: Env) => string;
  readonly offers: (env: Env) => boolean;
  readonly token: (env: Env) => WebToken;
}

// https://docs.github.com/en/actions/reference/security/oidc,
// https://forgejo.org/docs/next/user/actions/security-openid-connect,
// https://circleci.com/docs/guides/permissions-authentication/openid-connect-tokens,
// https://support.atlassian.com/bitbucket-cloud/docs/integrate-pipelines-with-resource-servers-using-oidc,
// https://buildkite.com/docs/agent/v3/cli/reference/oidc
const platforms: readonly Platform[] = [
  {
    name: (env) => env.FORGEJO_ACTIONS === "true" ? "Forgejo Actions" : "GitHub Actions",
    offers: (env) => Boolean(env.ACTIONS_ID_TOKEN_REQUEST_URL),
    token: githubToken,
  },
  variablePlatform("CircleCI", ["CIRCLE_OIDC_TOKEN_V2", "CIRCLE_OIDC_TOKEN"]),
  variablePlatform("Bitbucket", ["BITBUCKET_STEP_OIDC_TOKEN"]),
  {
    name: () => "Buildkite",
    offers: (env) => env.BUILDKITE === "true",
    token: () => ({
      from: "program",
      argv: ["buildkite-agent", "oidc", "request-token", "--audience", audience],
    }),
  },
];

function variablePlatform(name: string, variables: readonly string[]): Platform {
  const found = (env: Env) => variables.find((variable) => env[variable]);
  return {
    name: () => name,
    offers: (env) => found(env) !== undefined,
    token: (env) => variableToken(found(env) ?? "", env),
  };
}

/** How a person calls the web identity of the CI job that this is, if it has one. */
export function jobIdentityName(env: Env): string | undefined {
  const platform = platforms.find(({ offers }) => offers(env));
  return platform && `the web identity of ${platform.name(env)}`;
}

/**
 * The web identity of the CI job that this is, if it has one.
 *
 * @throws {UserError} when the platform's variables make no sense
 */
export function jobIdentity(env: Env): WebTokenSource | undefined {
  const platform = platforms.find(({ offers }) => offers(env));
  if (platform === undefined) return undefined;
  return named(`the web identity of ${platform.name(env)}`, platform.token(env));
}

function named(name: string, token: WebToken): WebTokenSource {
  return { kind: "web-token", profile: undefined, name, token };
}

/**
 * The web identity that was asked for.
 *
 * @throws {UserError} when it is not there
 */
export function webIdentitySource(choice: WebIdentityChoice, env: Env): WebTokenSource {
  switch (choice.kind) {
    case "env":
      return named(`the web identity in ${choice.name}`, variableToken(choice.name, env));
    case "file":
      return named(`the web identity in ${quote(choice.path)}`, {
        from: "file",
        path: choice.path,
      });
    case "github":
      if (env.ACTIONS_ID_TOKEN_REQUEST_URL) break;
      if (inActions(env)) throw permissionMissing(env);
      throw notThere(
        "this is no job of GitHub Actions: ACTIONS_ID_TOKEN_REQUEST_URL is not set",
        "in a container, hand it and ACTIONS_ID_TOKEN_REQUEST_TOKEN on; elsewhere: --web-identity auto",
      );
    case "auto":
  }
  const source = jobIdentity(env);
  if (source !== undefined) return source;
  if (inActions(env)) throw permissionMissing(env);
  const platform = platformOf(env);
  if (platform !== undefined) throw notThere(`${platform.name} ${platform.lack}`, platform.hint);
  throw notThere(
    "no web identity: this is no CI job that ecrin knows one of",
    "say where the token is: --web-identity env:NAME or file:PATH",
  );
}

function notThere(message: string, hint: string): UserError {
  return new UserError(message, {
    code: "no-web-identity",
    exitCode: exitCodes.credentials,
    hint,
  });
}

/** Platforms that give a job a web identity where it says so, by a variable that is theirs. */
const wanting = [
  {
    sign: "GITLAB_CI",
    name: "the GitLab job",
    lack: "names no web identity",
    hint: gitlabHint,
  },
  {
    sign: "BITBUCKET_BUILD_NUMBER",
    name: "the Bitbucket step",
    lack: "has no web identity",
    hint: "put oidc: true in the step",
  },
  {
    sign: "CIRCLECI",
    name: "the CircleCI job",
    lack: "has no web identity",
    hint: "let the job use a context; builds of forks get a token only where secrets are passed on",
  },
] as const;

const platformOf = (env: Env) => wanting.find(({ sign }) => env[sign]);

const inActions = (env: Env): boolean => env.GITHUB_ACTIONS === "true";

/**
 * What a CI job has to do to have a web identity, as an error; `undefined` where it has one, or is
 * of a platform that wants nothing.
 */
export function jobIdentityMissing(env: Env, cause?: unknown): UserError | undefined {
  if (jobIdentityName(env) !== undefined) return undefined;
  if (inActions(env)) return permissionMissing(env, cause);
  const platform = platformOf(env);
  return platform &&
    notThere(`no AWS credentials: ${platform.name} ${platform.lack}`, platform.hint);
}

function permissionMissing(env: Env, cause?: unknown): UserError {
  const [lacks, hint] = env.FORGEJO_ACTIONS === "true"
    ? ["enable-openid-connect: true", "add to the job: enable-openid-connect: true"]
    : [
      "permissions: id-token: write",
      "add to the job: permissions: {id-token: write, contents: read}",
    ];
  return new UserError(
    `the job lacks "${lacks}", so it has no web identity to assume a role with`,
    {
      code: "id-token-permission-missing",
      exitCode: exitCodes.credentials,
      hint,
      cause,
    },
  );
}

function githubToken(env: Env): WebToken {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: text = "", ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer } = env;
  if (!bearer) {
    throw notThere(
      "ACTIONS_ID_TOKEN_REQUEST_URL is set, but ACTIONS_ID_TOKEN_REQUEST_TOKEN is not",
      "in a container, hand both on",
    );
  }
  const url = URL.parse(text);
  const secure = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url));
  if (url === null || !secure || url.username !== "" || url.password !== "") {
    throw usageError(
      "bad-web-identity-endpoint",
      "ACTIONS_ID_TOKEN_REQUEST_URL is no https URL, and the job's token goes to no other",
      "leave the variable as the runner sets it",
    );
  }
  url.search = `${url.search === "" ? "?" : `${url.search}&`}audience=${audience}`;
  return { from: "endpoint", url: url.href, bearer: new Secret(bearer) };
}

function isLoopback({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d+){3}$/.test(hostname);
}

function variableToken(name: string, env: Env): WebToken {
  return { from: "variable", value: parseToken(env[name] ?? "", `the variable ${name}`) };
}

/**
 * A token, when `text` has the form of one: three parts of base64url (RFC 7519).
 *
 * @param place where it was, as in `"the variable AWS_ID_TOKEN"`
 * @throws {UserError} `bad-web-identity-token`, which does not repeat it
 */
export function parseToken(text: string, place: string): Secret {
  const token = new Secret(text.trim());
  if (/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token.reveal())) return token;
  const empty = token.reveal() === "";
  throw new UserError(
    empty
      ? `no web identity token: ${place} is not set or empty`
      : `${place} holds no web identity token: it is no JWT`,
    {
      code: "bad-web-identity-token",
      exitCode: exitCodes.credentials,
      hint: empty
        ? "check the name, and whether the job has the token"
        : "it should hold an OIDC ID token, three parts with dots between, and nothing else",
    },
  );
}

/** What `--role` may come with that AssumeRoleWithWebIdentity does not take. */
export interface RoleDetails {
  readonly externalId?: string | undefined;
  readonly sourceIdentity?: string | undefined;
  readonly tags?: readonly unknown[] | undefined;
}

/**
 * Makes sure that the first role asks for nothing that a web identity cannot give.
 *
 * @throws {UserError} `not-for-web-identity`
 */
export function checkWebIdentityRole({ externalId, sourceIdentity, tags }: RoleDetails): void {
  const given = [
    ["--external-id", externalId],
    ["--source-identity", sourceIdentity],
    ["--tag", tags],
  ].find(([, value]) => value !== undefined);
  if (given === undefined) return;
  throw usageError(
    "not-for-web-identity",
    `${given[0]} is not for a role that is assumed with a web identity: STS takes none there`,
    "leave it out, or add the --role that it is for behind the first",
  );
}
