/**
 * How an identity came about: the source of the first credentials, and each role since. `--verbose`
 * tells it while it happens, `ecrin whoami` afterwards. Pure.
 *
 * @module
 */

import type { Source } from "./profiles.ts";
import { utcTimestamp } from "./utc_timestamp.ts";

/** Where the first credentials are from. */
export interface SourceStep {
  readonly kind: Source["kind"];
  /** The profile that says so. */
  readonly profile: string | undefined;
  /** As a person calls it. */
  readonly name: string;
  /** End of the credentials; undefined when they have none, or were not needed for a cached role. */
  readonly expiresAt: Date | undefined;
  /** Whether they are a role's that was cached. */
  readonly cached?: boolean;
  /** Path of the cache's file that they were put in. */
  readonly cachedIn?: string | undefined;
}

/** One AssumeRole. */
export interface RoleStep {
  readonly roleArn: string;
  /** Undefined where it is not known: a cached session may have been named by another program. */
  readonly sessionName: string | undefined;
  /** Region of the STS that was asked; undefined when none was. */
  readonly region: string | undefined;
  /** How the session was come by; `"skipped"` when a later one was cached. */
  readonly by: "request" | "mfa" | "cache" | "skipped";
  readonly expiresAt: Date | undefined;
  /** Path of the cache's file that the session was put in. */
  readonly cachedIn?: string | undefined;
}

/** The way to an identity. */
export interface Story {
  readonly source: SourceStep;
  /** In the order in which they are assumed. */
  readonly roles: readonly RoleStep[];
}

/** A source in a line, as `--verbose` tells it. */
export function sourceLine(
  { name, cached = false, ...step }: Omit<SourceStep, "kind" | "profile">,
): string {
  return `identity: ${name}${cached ? ", from the cache" : ""}${ending(step)}`;
}

/** A role in a line, as `--verbose` tells it. */
export function roleLine(step: RoleStep): string {
  const { roleArn, sessionName, region, by } = step;
  const end = ending(step);
  switch (by) {
    case "skipped":
      return `did not need ${roleArn}: a later role is cached`;
    case "cache":
      return `took ${roleArn} from the cache${end}`;
    default: {
      const code = by === "mfa" ? " with an MFA code" : "";
      return `assumed ${roleArn} as ${sessionName} in ${region}${code}${end}`;
    }
  }
}

function ending({ expiresAt, cachedIn }: Pick<RoleStep, "expiresAt" | "cachedIn">): string {
  const end = expiresAt === undefined ? "" : `, until ${utcTimestamp(expiresAt)}`;
  return cachedIn === undefined ? end : `${end}, cached in ${cachedIn}`;
}
