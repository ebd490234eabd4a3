import assert from "node:assert/strict";
import { sessionLabel, signInCommand } from "./sso_errors.ts";
import type { SsoSource } from "./sso_profile.ts";

const source: SsoSource = {
  kind: "sso",
  profile: "blog-profile",
  session: "corp",
  startUrl: "https://x.awsapps.com/start",
  ssoRegion: "us-east-1",
  account: "123456789012",
  role: "Dev",
};

Deno.test("a session is called by its profile, and signed in to with a command that works", () => {
  assert.equal(sessionLabel(source), 'the SSO session of profile "blog-profile"');
  assert.equal(signInCommand(source), "run: ecrin sso login --profile blog-profile");
  assert.equal(
    signInCommand({ ...source, profile: "it's mine" }),
    `run: ecrin sso login --profile 'it'\\''s mine'`,
  );
});
