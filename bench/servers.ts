/**
 * The servers of the benchmark, in a process of their own: the fake AWS, and Debian's
 * docker-registry where it is installed, else the fake registry. Writes one line of JSON, a
 * {@linkcode Servers}, and runs until its standard input ends.
 *
 * @module
 */

import { startAws } from "../testing/aws.ts";
import { available, startDockerRegistry } from "../testing/docker_registry.ts";

/** What the benchmark is told. */
export interface Servers {
  /** URL of the fake AWS. */
  readonly aws: string;
  /** `127.0.0.1:PORT` */
  readonly registry: string;
  readonly registryProgram: "docker-registry" | "the fake registry";
  /** That every login gets. */
  readonly password: string;
  /** Environment that points a program at the fake AWS, with long-lived keys. */
  readonly env: Readonly<Record<string, string>>;
}

if (import.meta.main) {
  const password = "not-a-password-but-one-for-the-benchmark";
  await using real = available().length > 0 ? undefined : await startDockerRegistry({ password });
  await using aws = await startAws(
    real === undefined ? {} : { password, registryUrl: real.url },
  );
  const servers: Servers = {
    aws: aws.url,
    registry: real?.host ?? aws.registry.host,
    password,
    registryProgram: real === undefined ? "the fake registry" : "docker-registry",
    env: { ...aws.env(), ...aws.keys.env() },
  };
  console.log(JSON.stringify(servers));
  for await (const _ of Deno.stdin.readable);
}
