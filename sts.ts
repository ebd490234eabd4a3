/**
 * STS: a role's session, an MFA session, and whose credentials some are.
 *
 * @module
 */

import {
  type AwsCredentials,
  checkedCredentials,
  type ClientConfig,
  definedOnly,
} from "./clients.ts";
import { loadCredentialProviders, loadSts } from "./deps.ts";
import { exitCodes, UserError } from "./errors.ts";

type Providers = Awaited<ReturnType<typeof loadCredentialProviders>>;
type TemporaryCredentials = Parameters<Providers["fromTemporaryCredentials"]>[0];
type Plugins = NonNullable<TemporaryCredentials["clientPlugins"]>;

/** What AssumeRole is asked for. */
export type AssumeRoleParams = TemporaryCredentials["params"] & {
  readonly TokenCode?: string | undefined;
};

/** What AssumeRole answers. */
export interface RoleSession {
  readonly credentials: AwsCredentials;
  /** The principal that the credentials are: `arn:aws:sts::…:assumed-role/deploy/ann`. */
  readonly user: { readonly id: string; readonly arn: string };
}

/** A way to STS as somebody. */
export interface StsClient {
  /** @throws the SDK's errors, as the others do; a UserError when the answer is not complete */
  readonly assumeRole: (params: AssumeRoleParams) => Promise<RoleSession>;
  /** Credentials of the same user that say that the code was given. Only for long-lived keys. */
  readonly getSessionToken: (params: SessionTokenParams) => Promise<AwsCredentials>;
  /** Whoever the credentials are: no permission is needed. */
  readonly getCallerIdentity: () => Promise<CallerIdentity>;
}

/** A principal. */
export interface CallerIdentity {
  /** `arn:aws:sts::222222222222:assumed-role/deploy/ann` */
  readonly arn: string;
  readonly account: string;
  readonly userId: string;
  /** Name of the partition: `"aws"`. */
  readonly partition: string;
}

/** What GetSessionToken is asked for. */
export interface SessionTokenParams {
  readonly SerialNumber: string;
  readonly TokenCode: string;
  readonly DurationSeconds: number;
}

/** Opens STS with `credentials`. */
export function openSts(credentials: AwsCredentials, config: ClientConfig): StsClient {
  const client = async () => {
    const sts = await loadSts();
    return { sts, client: new sts.STSClient({ ...config, credentials: definedOnly(credentials) }) };
  };
  return {
    assumeRole: (params) => assumeRole(params, credentials, config),
    getSessionToken: async (params) => {
      const { sts, client: as } = await client();
      const { Credentials } = await as.send(new sts.GetSessionTokenCommand(params));
      return checkedCredentials({
        accessKeyId: Credentials?.AccessKeyId,
        secretAccessKey: Credentials?.SecretAccessKey,
        sessionToken: Credentials?.SessionToken,
        expiration: Credentials?.Expiration,
      }, "GetSessionToken");
    },
    getCallerIdentity: async () => {
      const { sts, client: as } = await client();
      return parseCaller(await as.send(new sts.GetCallerIdentityCommand({})));
    },
  };
}

function parseCaller(
  { Arn = "", Account = "", UserId = "" }: {
    readonly Arn?: string | undefined;
    readonly Account?: string | undefined;
    readonly UserId?: string | undefined;
  },
): CallerIdentity {
  const [, partition, account] = /^arn:(aws[a-z-]*):(?:iam|sts)::(\d{12}):[!-~]+$/.exec(Arn) ?? [];
  if (partition === undefined || account !== Account || !/^[!-~]+$/.test(UserId)) {
    throw new UserError("the answer to GetCallerIdentity names no principal", {
      code: "unreadable-answer",
      exitCode: exitCodes.network,
      hint: "check the endpoint variables (AWS_ENDPOINT_URL…)",
    });
  }
  return { arn: Arn, account, userId: UserId, partition };
}

/** AssumeRole by the SDK's provider, which keeps the principal to itself: a plugin reads it. */
async function assumeRole(
  { TokenCode, ...params }: AssumeRoleParams,
  credentials: AwsCredentials,
  config: ClientConfig,
): Promise<RoleSession> {
  const { fromTemporaryCredentials } = await loadCredentialProviders();
  let user = { id: "", arn: "" };
  const readUser: Plugins[number] = {
    applyToStack: (stack) =>
      stack.add((next) => async (args) => {
        const result = await next(args);
        const { AssumedRoleUser } = result.output as AssumeRoleOutput;
        user = { id: AssumedRoleUser?.AssumedRoleId ?? "", arn: AssumedRoleUser?.Arn ?? "" };
        return result;
      }, { step: "initialize" }),
  };
  const provider = fromTemporaryCredentials({
    masterCredentials: definedOnly(credentials),
    params,
    clientConfig: config,
    clientPlugins: [readUser],
    ...(TokenCode === undefined ? {} : { mfaCodeProvider: () => Promise.resolve(TokenCode) }),
  });
  return { credentials: checkedCredentials(await provider(), "AssumeRole"), user };
}

interface AssumeRoleOutput {
  readonly AssumedRoleUser?: { readonly AssumedRoleId?: string; readonly Arn?: string };
}
