/**
 * A sign-in with ecrin serves the AWS CLI and the SDK, and the reverse: one file, one registration.
 */

import assert from "node:assert/strict";
import { type FakeAws, startAws } from "./testing/aws.ts";
import { hasAwsCli, runAwsCli } from "./testing/aws_cli.ts";
import { runCli } from "./testing/cli.ts";
import { keyFromSso } from "./testing/sdk.ts";
import {
  assertLoggedIn,
  loginWith,
  past,
  type SessionHome,
  sessionHome,
} from "./testing/sso_home.ts";

/** A home where nobody has signed in; the session's tokens can be refreshed. */
async function newHome(aws: FakeAws): Promise<SessionHome> {
  const home = await sessionHome(aws);
  await Deno.remove(home.at(".aws/sso"), { recursive: true });
  const config = await home.read(".aws/config");
  await home.write(".aws/config", `${config}sso_registration_scopes = sso:account:access\n`);
  return home;
}

async function signIn(aws: FakeAws, home: SessionHome): Promise<void> {
  const { code, stderr } = await runCli(
    ["sso", "login", "--profile", "blog", "--device-code", "--no-browser"],
    { home: home.path, env: aws.env() },
  );
  assert.equal(code, 0, stderr);
}

function requests(aws: FakeAws, operation: string): number {
  return aws.requestsOf("sso-oidc", operation).length;
}

/** Lets the token run out, and forgets the roles that were taken with it. */
async function expire(home: SessionHome): Promise<void> {
  await Deno.remove(home.at(".aws/cli"), { recursive: true }).catch(() => {});
  await home.writeToken({ ...await home.readToken(), expiresAt: past });
}

Deno.test("the SDK's fromSSO takes what ecrin signed in to, and refreshes it", async () => {
  await using aws = await startAws({ sso: { autoApprove: true } });
  await using home = await newHome(aws);
  const sdk = () => keyFromSso(aws, home, "blog");
  await signIn(aws, home);
  await sdk();
  assert.equal(requests(aws, "CreateToken"), 1);
  await expire(home);
  await sdk();
  assert.equal(requests(aws, "CreateToken"), 2);
});

/** The AWS CLI's token of the profile, refreshed where it has to be. */
const cliToken = `
import sys
from awscli.botocore import UNSIGNED
from awscli.botocore.config import Config
from awscli.botocore.session import Session
from awscli.botocore.tokens import SSOTokenProvider

session = Session(profile="blog")
provider = SSOTokenProvider(session)
provider._client = session.create_client(
    "sso-oidc", region_name="us-west-2", endpoint_url=sys.argv[1],
    config=Config(signature_version=UNSIGNED),
)
print(provider.load_token().get_frozen_token().token)
`;

/** The steps of `aws sso login`. */
const cliLogin = `
import sys
from awscli.botocore.session import Session
from awscli.botocore.utils import SSOTokenFetcher
from awscli.botocore.credentials import JSONFileCache
from awscli.customizations.sso.utils import SSO_TOKEN_DIR, _sso_json_dumps

session = Session(profile="blog")
def create(service, config):
    return session.create_client(service, config=config, endpoint_url=sys.argv[1])
SSOTokenFetcher(
    "us-west-2", create, cache=JSONFileCache(SSO_TOKEN_DIR, dumps_func=_sso_json_dumps),
).fetch_token(
    "https://x.awsapps.com/start", force_refresh=True, session_name="corp",
    registration_scopes=["sso:account:access"],
)
`;

const withAwsCli = { ignore: !hasAwsCli() };

Deno.test({
  name: "the AWS CLI takes what ecrin signed in to, refreshes it, and uses its registration",
  ...withAwsCli,
  fn: async () => {
    await using aws = await startAws({ sso: { autoApprove: true } });
    await using home = await newHome(aws);
    const options = { home: home.path, args: [aws.url] };
    await signIn(aws, home);
    assert.equal(await runAwsCli(cliToken, options), (await home.readToken()).accessToken);
    assert.equal(requests(aws, "CreateToken"), 1);
    await expire(home);
    assert.equal(await runAwsCli(cliToken, options), (await home.readToken()).accessToken);
    assert.equal(requests(aws, "CreateToken"), 2);
    await runAwsCli(cliLogin, options);
    assert.equal(requests(aws, "RegisterClient"), 1);
  },
});

Deno.test({
  name: "ecrin logs in with what the AWS CLI signed in to, refreshes it, and uses its registration",
  ...withAwsCli,
  fn: async () => {
    await using aws = await startAws({ sso: { autoApprove: true } });
    await using home = await newHome(aws);
    await runAwsCli(cliLogin, { home: home.path, args: [aws.url] });
    const login = async (): Promise<void> => assertLoggedIn(await loginWith(aws, home));
    await login();
    assert.equal(requests(aws, "CreateToken"), 1);
    await expire(home);
    await login();
    assert.equal(requests(aws, "CreateToken"), 2);
    await home.writeToken({ ...await home.readToken(), expiresAt: past, refreshToken: "" });
    const { code, stderr } = await runCli(
      ["sso", "login", "--profile", "blog", "--device-code", "--no-browser"],
      { home: home.path, env: aws.env() },
    );
    assert.equal(code, 0, stderr);
    assert.equal(requests(aws, "RegisterClient"), 1);
  },
});
