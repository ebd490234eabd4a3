/**
 * Web identity tokens (JWTs) as CI platforms give them out and STS takes them.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { AwsFault } from "./aws_fault.ts";

/** What a token says. */
export interface Claims {
  iss: string;
  sub: string;
  aud: string;
  /** Seconds since 1970. */
  exp: number;
}

/** What {@linkcode WebIdentities.issue} takes; everything has a default. */
export interface NewToken {
  issuer?: string;
  subject?: string;
  audience?: string;
  /** Milliseconds since 1970; default in one hour. */
  expiresAt?: number;
}

/** The web identity tokens that the fake STS accepts. */
export class WebIdentities {
  readonly #accepted = new Set<string>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** A new token that {@linkcode WebIdentities.verify} accepts until it expires. */
  issue(options: NewToken = {}): string {
    const expiresAt = options.expiresAt ?? this.#now() + 3600 * 1000;
    const claims: Claims & { jti: string } = {
      iss: options.issuer ?? "https://token.actions.githubusercontent.com",
      sub: options.subject ?? "repo:example/blog:ref:refs/heads/main",
      aud: options.audience ?? "sts.amazonaws.com",
      exp: Math.floor(expiresAt / 1000),
      jti: crypto.randomUUID(),
    };
    const parts = [{ alg: "RS256", typ: "JWT" }, claims].map((part) => JSON.stringify(part));
    const token = [...parts, "not-a-signature"]
      .map((part) => Buffer.from(part).toString("base64url"))
      .join(".");
    this.#accepted.add(token);
    return token;
  }

  /** The claims of `token`, or throws STS's refusal. */
  verify(token: string): Claims {
    const claims = parseClaims(token);
    if (claims === undefined) {
      const message = "The ID Token provided is not a valid JWT. " +
        "(You may see this error if you sent an Access Token)";
      throw new AwsFault(400, "InvalidIdentityToken", message);
    }
    if (!this.#accepted.has(token)) {
      const message = `No OpenIDConnect provider found in your account for ${claims.iss}`;
      throw new AwsFault(400, "InvalidIdentityToken", message);
    }
    const seconds = Math.floor(this.#now() / 1000);
    if (claims.exp <= seconds) {
      const message = `Token expired: current date/time ${seconds} must be before the expiration ` +
        `date/time ${claims.exp}`;
      throw new AwsFault(400, "ExpiredTokenException", message);
    }
    return claims;
  }
}

function parseClaims(token: string): Claims | undefined {
  const payload = token.match(/^[\w-]+\.([\w-]+)\.[\w-]+$/)?.[1];
  if (payload === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(payload, "base64url").toString());
  } catch {
    return undefined;
  }
}
