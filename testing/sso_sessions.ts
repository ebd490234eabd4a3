/**
 * IAM Identity Center as both of its services see it: who is signed in, which accounts and roles
 * they have, and the clients and codes of sign-ins under way.
 *
 * @module
 */

import { randomBytes } from "node:crypto";

/** An account that the signed-in person is assigned to. */
export interface SsoAccount {
  accountId: string;
  accountName: string;
  emailAddress: string;
  /** Permission sets. */
  roles: string[];
}

/** How the fake Identity Center answers. */
export interface SsoOptions {
  startUrl?: string;
  region?: string;
  accounts?: SsoAccount[];
  /** How long access tokens are valid, in seconds; default one hour. */
  accessTokenSeconds?: number;
  /** How long polls must be apart, in seconds; default 1. */
  interval?: number;
  /** Whether the person agrees to device sign-ins without opening the page; default no. */
  autoApprove?: boolean;
}

/** A registered OIDC client. */
export interface SsoClient {
  clientId: string;
  clientSecret: string;
  /** Milliseconds since 1970. */
  expiresAt: number;
  /** Empty when registered without any, as for the device code flow. */
  grantTypes: string[];
  redirectUris: string[];
  scopes: string[];
}

/** An access token and what refreshes it. */
export interface SsoToken {
  accessToken: string;
  /** Only with scope `sso:account:access`. */
  refreshToken: string | undefined;
  clientId: string;
  scopes: string[];
  /** Milliseconds since 1970. */
  expiresAt: number;
}

/** What the AWS CLI keeps in `~/.aws/sso/cache/<sha1>.json` after a sign-in. */
export interface SsoCacheFile {
  startUrl: string;
  region: string;
  accessToken: string;
  expiresAt: string;
  clientId: string;
  clientSecret: string;
  registrationExpiresAt: string;
  refreshToken?: string;
}

/** A sign-in with a device code. */
export interface DeviceSignIn {
  deviceCode: string;
  userCode: string;
  clientId: string;
  /** Milliseconds since 1970. */
  expiresAt: number;
  state: "pending" | "approved" | "denied";
}

/** A sign-in with an authorization code. */
export interface CodeSignIn {
  code: string;
  clientId: string;
  redirectUri: string;
  codeChallenge: string;
  scopes: string[];
}

const accountScope = "sso:account:access";

/** The state of one fake Identity Center, for its services and for tests. */
export class SsoSessions {
  readonly options: Required<SsoOptions>;
  readonly clients = new Map<string, SsoClient>();
  readonly devices = new Map<string, DeviceSignIn>();
  readonly codes = new Map<string, CodeSignIn>();
  readonly tokens = new Map<string, SsoToken>();
  /** Whether the person presses "deny" in the browser. */
  deny = false;
  readonly #now: () => number;

  constructor(options: SsoOptions, now: () => number) {
    this.#now = now;
    this.options = {
      startUrl: "https://x.awsapps.com/start",
      region: "us-east-1",
      accessTokenSeconds: 3600,
      interval: 1,
      autoApprove: false,
      accounts: [{
        accountId: "222222222222",
        accountName: "blog",
        emailAddress: "blog@example.com",
        roles: ["deploy", "ReadOnly"],
      }],
      ...options,
    };
  }

  /** A finished sign-in, in the form of the cache file that the AWS CLI writes. */
  signIn({ scopes = [accountScope] }: { scopes?: string[] } = {}): SsoCacheFile {
    const client = this.register({ grantTypes: [], redirectUris: [], scopes });
    const token = this.issue(client.clientId, scopes);
    const date = (milliseconds: number): string =>
      new Date(milliseconds).toISOString().replace(/\.\d+/, "");
    return {
      startUrl: this.options.startUrl,
      region: this.options.region,
      accessToken: token.accessToken,
      expiresAt: date(token.expiresAt),
      clientId: client.clientId,
      clientSecret: client.clientSecret,
      registrationExpiresAt: date(client.expiresAt),
      ...(token.refreshToken === undefined ? {} : { refreshToken: token.refreshToken }),
    };
  }

  /** Ends a sign-in, as an administrator does: its access and refresh tokens are no good. */
  revoke(accessToken: string): void {
    this.tokens.delete(accessToken);
  }

  /** The person opened the page of a device sign-in and agreed (or not, with `deny`). */
  approve(userCode: string): boolean {
    const device = [...this.devices.values()].find((device) => device.userCode === userCode);
    if (device === undefined) return false;
    device.state = this.deny ? "denied" : "approved";
    return true;
  }

  /** A new client; registrations last 90 days. */
  register(client: Pick<SsoClient, "grantTypes" | "redirectUris" | "scopes">): SsoClient {
    const registered = {
      ...client,
      clientId: unique("client"),
      clientSecret: unique("client-secret"),
      expiresAt: this.#now() + 90 * 24 * 3600 * 1000,
    };
    this.clients.set(registered.clientId, registered);
    return registered;
  }

  /** A new access token, with a refresh token when the scopes ask for one. */
  issue(clientId: string, scopes: string[]): SsoToken {
    const token = {
      accessToken: unique("access-token"),
      refreshToken: scopes.includes(accountScope) ? unique("refresh-token") : undefined,
      clientId,
      scopes,
      expiresAt: this.#now() + this.options.accessTokenSeconds * 1000,
    };
    this.tokens.set(token.accessToken, token);
    return token;
  }

  /** A new device sign-in; it has ten minutes. */
  startDevice(clientId: string): DeviceSignIn {
    const letters = unique("").replaceAll(/[^A-Z]/g, "").padEnd(8, "X");
    const device: DeviceSignIn = {
      deviceCode: unique("device-code"),
      userCode: `${letters.slice(0, 4)}-${letters.slice(4, 8)}`,
      clientId,
      expiresAt: this.#now() + 600 * 1000,
      state: this.options.autoApprove ? "approved" : "pending",
    };
    this.devices.set(device.deviceCode, device);
    return device;
  }
}

/** A value like no other that cannot be taken for a real secret. */
export function unique(kind: string): string {
  return `not-a-${kind}-${randomBytes(24).toString("base64url")}`;
}
