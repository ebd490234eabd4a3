/**
 * Container tools and what they talk to: the real ones before AWS's own names or a real registry, and
 * scripts in their place where it is about what they are given and what they say.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type AwsOptions, type FakeAws, startAws } from "./aws.ts";
import { type CliResult, runCli, type TempHome, tempHome } from "./cli.ts";
import { type DockerRegistry, startDockerRegistry } from "./docker_registry.ts";
import { type Env, userEnv } from "./ecrin.ts";
import { type RealNames, realNames } from "./real_names.ts";

/** A test AWS and a home, and the CLI between them. */
export interface ToolStage extends AsyncDisposable {
  aws: FakeAws;
  home: TempHome;
  /** The environment that leads to the test AWS, with keys and the home. */
  env: Record<string, string>;
  run: (args: string[], env?: Env) => Promise<CliResult>;
  /** Runs another program as the user would, with nothing on its stdin. */
  program: (argv: string[], env?: Record<string, string>) => Promise<Output>;
}

type Output = Pick<CliResult, "code" | "stdout" | "stderr">;

function stage(
  { aws, home, env, made }: {
    aws: FakeAws;
    home: TempHome;
    env: Record<string, string>;
    made: AsyncDisposableStack;
  },
): ToolStage {
  return {
    aws,
    home,
    env,
    run: (args, more = {}) => runCli(args, { home: home.path, env: { ...env, ...more } }),
    program: async ([name = "", ...args], more = {}) => {
      const { code, stdout, stderr } = await new Deno.Command(name, {
        args,
        clearEnv: true,
        env: { PATH: Deno.env.get("PATH") ?? "", HOME: home.path, ...env, ...more },
        stdin: "null",
      }).output();
      const [out = "", err = ""] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
      return { code, stdout: out, stderr: err };
    },
    [Symbol.asyncDispose]: () => made.disposeAsync(),
  };
}

/** AWS's real names: TLS by a test authority, reached through a proxy. Go programs obey both. */
export async function realTools(): Promise<ToolStage & Pick<RealNames, "asked">> {
  await using made = new AsyncDisposableStack();
  const { aws, home, tls, asked, env: leading } = made.use(await realNames());
  const env = {
    ...leading,
    SSL_CERT_FILE: tls.caFile,
    REGISTRY_AUTH_FILE: home.at("auth.json"),
  };
  return { ...stage({ aws, home, env, made: made.move() }), asked };
}

/** A test AWS whose registry is Debian's docker-registry. */
export async function realRegistry(
  options: AwsOptions = {},
): Promise<ToolStage & { registry: DockerRegistry }> {
  await using made = new AsyncDisposableStack();
  const password = "not-a-secret-password";
  const registry = made.use(await startDockerRegistry({ password }));
  const aws = made.use(await startAws({ password, registryUrl: registry.url, ...options }));
  const home = made.use(await tempHome());
  const env = userEnv(aws);
  return { ...stage({ aws, home, env, made: made.move() }), registry };
}

/**
 * A test AWS, and scripts in the place of container tools: no other program is on PATH. The
 * registry keeps its real name; no script contacts it.
 */
export async function stubs(
  scripts: Record<string, string>,
  options: AwsOptions = {},
): Promise<ToolStage> {
  await using made = new AsyncDisposableStack();
  const aws = made.use(await startAws({ proxyEndpoint: "aws", ...options }));
  const home = made.use(await tempHome({ "bin/README": "not a program" }));
  for (const [name, script] of Object.entries(scripts)) {
    await home.writeProgram(`bin/${name}`, `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n`);
  }
  const env = { ...userEnv(aws), PATH: home.at("bin") };
  return stage({ aws, home, env, made: made.move() });
}

/** A script that keeps what it was given, in the home folder. */
export const record = `printf '%s\\n' "$0" "$@" >"$HOME/argv"
cat >"$HOME/stdin"
env >"$HOME/env"`;

/** The password that the test AWS gave out last. */
export function lastPassword(aws: FakeAws): string {
  return aws.passwords.all().at(-1)?.password ?? assert.fail("no password was given out");
}

/** The entries of a file of logins. */
export async function auths(home: TempHome, path = ".docker/config.json"): Promise<unknown> {
  return JSON.parse(await home.read(path)).auths;
}

/** The entry that a password makes. */
export function encoded(password: string): { auth: string } {
  return { auth: btoa(`AWS:${password}`) };
}
