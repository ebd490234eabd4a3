/**
 * The servers of the benchmark, in a process of their own: the fake AWS, and Debian's
 * docker-registry where it is installed, else the fake registry. Writes one line of JSON, a
 * {@linkcode Servers}, and runs until its standard input ends.
 *
 * @module
 */

import { type FakeAws, startAws } from "../testing/aws.ts";
import { available, startDockerRegistry } from "../testing/docker_registry.ts";

/** An AWS, and the registry that it names. */
export interface Stage {
  /** `127.0.0.1:PORT` */
  readonly registry: string;
  /** Environment that points a program at it, with long-lived keys. */
  readonly env: Readonly<Record<string, string>>;
}

/** How long the slow AWS and its registry take for an answer, in milliseconds. */
export const slowLatency = 80;

/** What the benchmark is told. */
export interface Servers extends Stage {
  /** URL of the fake AWS. */
  readonly aws: string;
  readonly registryProgram: "docker-registry" | "the fake registry";
  /** That every login gets. */
  readonly password: string;
  /** With the fake registry, whose every answer takes its time. */
  readonly slow: Stage;
}

function stageOf(aws: FakeAws): Stage {
  return { registry: aws.registry.host, env: { ...aws.env(), ...aws.keys.env() } };
}

if (import.meta.main) {
  const password = "not-a-password-but-one-for-the-benchmark";
  await using real = available().length > 0 ? undefined : await startDockerRegistry({ password });
  await using aws = await startAws(
    real === undefined ? {} : { password, registryUrl: real.url },
  );
  await using slow = await startAws({ password, latency: slowLatency });
  const servers: Servers = {
    ...stageOf(aws),
    aws: aws.url,
    ...(real === undefined ? {} : { registry: real.host }),
    password,
    registryProgram: real === undefined ? "the fake registry" : "docker-registry",
    slow: stageOf(slow),
  };
  console.log(JSON.stringify(servers));
  for await (const _ of Deno.stdin.readable);
}
