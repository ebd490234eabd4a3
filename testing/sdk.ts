/**
 * The AWS SDK for JavaScript as another program that reads the files of `~/.aws`.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { FakeAws } from "./aws.ts";
import { runCli, type TempHome } from "./cli.ts";
import type { AwsKey } from "./keys.ts";

/** The key that the SDK's `fromSSO` gets for a profile. */
export async function keyFromSso(aws: FakeAws, home: TempHome, profile: string): Promise<AwsKey> {
  const script = await home.write(
    "sdk.ts",
    `import { fromSSO } from "@aws-sdk/credential-providers";
    const { accessKeyId } = await fromSSO({ profile: ${JSON.stringify(profile)} })();
    console.log(accessKeyId);`,
  );
  const env = { ...aws.env(), AWS_REGION: "eu-west-1" };
  const { stdout, stderr } = await runCli([], { script, env, home: home.path });
  const key = aws.keys.get(stdout.trim());
  assert.ok(key, stderr);
  return key;
}
