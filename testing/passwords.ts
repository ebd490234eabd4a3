/**
 * Registry passwords: made by the fake ECR, checked by the fake registry.
 *
 * @module
 */

import { randomBytes } from "node:crypto";

/** What a password was issued for. */
export interface IssuedPassword {
  password: string;
  /** Whether it is for ECR Public. */
  public: boolean;
  region: string;
  /** The account that asked. */
  account: string;
  /** Milliseconds since 1970. */
  expiresAt: number;
}

/** The passwords that the fake ECR gave out. */
export class PasswordTable {
  readonly #issued = new Map<string, IssuedPassword>();
  readonly #fixed: string | undefined;

  /** @param fixed the only password ever given out, for registries that cannot ask this table. */
  constructor(fixed?: string) {
    this.#fixed = fixed;
  }

  /** Gives out a new password. */
  issue(purpose: Omit<IssuedPassword, "password">): IssuedPassword {
    const issued = { ...purpose, password: this.#fixed ?? makePassword(purpose.expiresAt) };
    this.#issued.set(issued.password, issued);
    return issued;
  }

  /** What `password` was issued for, or undefined. */
  get(password: string): IssuedPassword | undefined {
    return this.#issued.get(password);
  }

  /** All that were issued, oldest first. */
  all(): IssuedPassword[] {
    return [...this.#issued.values()];
  }
}

/**
 * A password as ECR makes them: base64 of a JSON object whose `expiration` is in seconds since 1970,
 * about 2,300 characters.
 */
function makePassword(expiresAt: number): string {
  const fields = {
    payload: randomBytes(1060).toString("base64"),
    datakey: randomBytes(184).toString("base64"),
    version: "2",
    type: "DATA_KEY",
    expiration: Math.floor(expiresAt / 1000),
  };
  return btoa(JSON.stringify(fields));
}
