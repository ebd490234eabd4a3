/**
 * The access keys that the fake AWS knows: who owns each, and the secret that signatures are
 * recomputed from.
 *
 * @module
 */

import { randomBytes } from "node:crypto";

/** An access key and the principal that it belongs to. */
export interface AwsKey {
  accessKeyId: string;
  secretAccessKey: string;
  /** Temporary keys have one; AWS refuses them without it. */
  sessionToken?: string;
  /** Milliseconds since 1970; long-lived keys have none. */
  expiresAt?: number;
  account: string;
  /** What AWS calls the caller in messages: `arn:aws:iam::111111111111:user/deploy`. */
  arn: string;
  userId: string;
  /** The role behind a role session; a session with one that assumes another role is chained. */
  roleArn?: string;
  sourceIdentity?: string;
  tags: Record<string, string>;
  /** Whether the session was made with a one-time code. */
  mfa: boolean;
  /** Actions that this principal may not do: `["ecr:GetAuthorizationToken"]`. */
  denied: string[];
}

/** What {@linkcode KeyTable.add} takes: everything has a default. */
export type NewKey = Partial<AwsKey>;

/** What {@linkcode KeyTable.issue} needs to know of a new temporary key. */
export type NewSession =
  & Pick<AwsKey, "account" | "arn" | "userId">
  & { expiresAt: number }
  & Partial<Pick<AwsKey, "roleArn" | "sourceIdentity" | "tags" | "mfa" | "denied">>;

/** All keys of one fake AWS, by access key id. */
export class KeyTable {
  readonly #keys = new Map<string, AwsKey>();

  /** A long-lived key of `arn:aws:iam::111111111111:user/deploy`, there from the start. */
  readonly user: AwsKey = this.add();

  /** Registers a key. Without more it is one more long-lived key of a user in 111111111111. */
  add(key: NewKey = {}): AwsKey {
    const serial = String(this.#keys.size + 1).padStart(6, "0");
    const account = key.account ?? "111111111111";
    const name = this.#keys.size === 0 ? "deploy" : `user-${this.#keys.size + 1}`;
    const added: AwsKey = {
      accessKeyId: `AKIATESTDEPLOY${serial}`,
      secretAccessKey: `not-a-secret-of-${name}`,
      account,
      arn: `arn:aws:iam::${account}:user/${name}`,
      userId: `AIDATEST${serial}`,
      tags: {},
      mfa: false,
      denied: [],
      ...key,
    };
    this.#keys.set(added.accessKeyId, added);
    return added;
  }

  /** Registers a new temporary key. Its id, secret and token differ from every other one. */
  issue(session: NewSession): AwsKey {
    return this.add({
      ...session,
      accessKeyId: `ASIATEST${randomBytes(6).toString("hex").toUpperCase()}`,
      secretAccessKey: `not-a-secret-${randomBytes(12).toString("hex")}`,
      sessionToken: `not-a-token-${randomBytes(180).toString("base64")}`,
    });
  }

  /** The key with that id, or undefined. */
  get(accessKeyId: string): AwsKey | undefined {
    return this.#keys.get(accessKeyId);
  }

  /** Forgets a key, as deleting it in IAM does. */
  delete(accessKeyId: string): void {
    this.#keys.delete(accessKeyId);
  }

  /** The environment that makes a program use `key` (default: {@linkcode KeyTable.user}). */
  env(key: AwsKey = this.user): Record<string, string> {
    return {
      AWS_ACCESS_KEY_ID: key.accessKeyId,
      AWS_SECRET_ACCESS_KEY: key.secretAccessKey,
      ...(key.sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: key.sessionToken }),
    };
  }
}
