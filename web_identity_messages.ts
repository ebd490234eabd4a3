/**
 * What STS says of a web identity token that it does not take: rows for the catalogue of
 * messages.ts. Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
 *
 * @module
 */

import { exitCodes } from "./errors.ts";
import type { KnownMessage, Situation } from "./messages.ts";

const identity = ({ identity }: Situation): string => identity ?? "the web identity";

/** The rows; the last is for whatever the others do not know. */
export const webIdentityMessages: readonly KnownMessage[] = [
  {
    code: "web-identity-audience",
    exitCode: exitCodes.credentials,
    pattern: /Incorrect token audience/i,
    message: (s) => `AWS refused ${identity(s)}: the token is for another audience (aud)`,
    hint: () =>
      "add its audience to the OIDC provider in IAM, or ask the platform for sts.amazonaws.com",
  },
  {
    code: "web-identity-provider",
    exitCode: exitCodes.credentials,
    pattern: /No OpenIDConnect provider found in your account for (\S+)/i,
    message: (s, match) =>
      `AWS refused ${identity(s)}: the role's account has no OIDC provider ${match[1]}`,
    hint: (_, match) =>
      `with rights in that account, run: aws iam create-open-id-connect-provider --url ${
        match[1]
      } --client-id-list sts.amazonaws.com`,
  },
  {
    code: "web-identity-expired",
    exitCode: exitCodes.credentials,
    pattern: /Token expired: current date\/time/i,
    message: (s) => `AWS refused ${identity(s)}: the token has expired`,
    hint: ({ renew }) =>
      renew ??
        "such tokens last minutes: get a new one right before it is used, and check the clock",
  },
  {
    code: "web-identity-invalid",
    exitCode: exitCodes.credentials,
    pattern: /InvalidIdentityToken\w*: (.+)/i,
    message: (s, match) => `AWS refused ${identity(s)}: ${match[1]?.replace(/\.\s*$/, "")}`,
    hint: () => "the token must be an OIDC ID token of an issuer that AWS can reach",
  },
];
