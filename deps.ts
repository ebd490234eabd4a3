/**
 * The only door to third-party packages. Every value comes through a lazy loader, so that a command
 * loads just what it uses; types cost nothing and come directly.
 *
 * @module
 */

export type { CommandContext, KillSignalListener } from "dax";
export type { FetchHttpHandler } from "@smithy/fetch-http-handler";

/** dax: processes. About 35 ms to load. */
export const loadDax = (): Promise<typeof import("dax")> => import("dax");

/** Client of private ECR. About 50 ms to load. */
export const loadEcr = (): Promise<typeof import("@aws-sdk/client-ecr")> =>
  import("@aws-sdk/client-ecr");

/** Client of ECR Public. */
export const loadEcrPublic = (): Promise<typeof import("@aws-sdk/client-ecr-public")> =>
  import("@aws-sdk/client-ecr-public");

/** Client of the IAM Identity Center portal. */
export const loadSso = (): Promise<typeof import("@aws-sdk/client-sso")> =>
  import("@aws-sdk/client-sso");

/** Client of IAM Identity Center's tokens. */
export const loadSsoOidc = (): Promise<typeof import("@aws-sdk/client-sso-oidc")> =>
  import("@aws-sdk/client-sso-oidc");

/** Providers for single steps: AssumeRole, web identity, container, instance, login sessions. */
export const loadCredentialProviders = (): Promise<
  typeof import("@aws-sdk/credential-providers")
> => import("@aws-sdk/credential-providers");

/** Client of STS, for what no provider asks it: MFA sessions, and whose credentials some are. */
export const loadSts = (): Promise<typeof import("@aws-sdk/client-sts")> =>
  import("@aws-sdk/client-sts");

/** The SDK's request handler on `fetch`, which in Deno honours the proxy variables. */
export const loadFetchHandler = (): Promise<typeof import("@smithy/fetch-http-handler")> =>
  import("@smithy/fetch-http-handler");

/** Opens pages with what the operating system has for it. About 20 ms to load. */
export const loadOpen = (): Promise<typeof import("open")> => import("open");

/** The part of `@std/encoding/base64` in use; its npm transpile has no types of its own. */
export interface Base64 {
  /** @throws {TypeError} when `text` is not base64 */
  decodeBase64(text: string): Uint8Array<ArrayBuffer>;
  encodeBase64(data: string | Uint8Array): string;
}

/** Base64 as of RFC 4648, strict. */
export const loadBase64 = (): Promise<Base64> => import("@std/encoding/base64");
