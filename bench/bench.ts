/**
 * How long whole runs take, from start to exit, side by side with what they are measured against.
 *
 * ```sh
 * deno run -A bench/bench.ts --runs 20
 * ```
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { findProgram } from "../testing/programs.ts";
import { type TempHome, tempHome } from "../testing/temp_home.ts";
import { type Servers, slowLatency, type Stage } from "./servers.ts";
import { ratio, summarize } from "./statistics.ts";

/** One thing to time. */
interface Case {
  readonly name: string;
  readonly argv: readonly string[];
  /** Whether docker's config.json must hold the registry afterwards. */
  readonly logsIn: boolean;
  /** The AWS and the registry; default the fast ones. */
  readonly stage?: Stage;
}

/** Two cases, and how many times as long the first may take as the second. */
interface Comparison {
  readonly name: string;
  readonly base: string;
  readonly aim?: number;
}

/** The times of a case in milliseconds, one a round. */
type Times = ReadonlyMap<string, readonly number[]>;

const mainScript = fileURLToPath(new URL("../main.ts", import.meta.url));
const floorScript = fileURLToPath(new URL("floor.ts", import.meta.url));
const serversScript = fileURLToPath(new URL("servers.ts", import.meta.url));
const awsPipe = "aws ecr get-login-password | docker login";

const comparisons: readonly Comparison[] = [
  { name: "ecrin --help", base: "deno run hello.ts", aim: 1.6 },
  { name: "ecrin --dry-run", base: "deno run hello.ts" },
  { name: "ecrin --tool docker", base: awsPipe, aim: 0.25 },
  { name: "the SDK and dax alone", base: awsPipe },
  { name: "ecrin --tool docker --role", base: awsPipe },
  { name: "ecrin --tool file", base: awsPipe },
  ...["file", "docker"].flatMap((tool): Comparison[] => [
    { name: manyName(tool, 20), base: manyName(tool, 1), aim: 3 },
    { name: manyName(tool, 20, slowLatency), base: manyName(tool, 1, slowLatency), aim: 2 },
  ]),
];

function manyName(tool: string, accounts: number, latency = 0): string {
  const late = latency === 0 ? "" : `, ${latency} ms a request`;
  return `ecrin --tool ${tool}, ${accounts} account${accounts === 1 ? "" : "s"}${late}`;
}

/** Logins to one and to many accounts, with a role in each. */
function manyCases(tool: string, ecrin: readonly string[], servers: Servers): Case[] {
  return [0, slowLatency].flatMap((latency) =>
    [1, 20].map((count): Case => {
      const accounts = Array.from({ length: count }, (_, index) => String(222222222200 + index));
      return {
        name: manyName(tool, count, latency),
        argv: [...ecrin, "--tool", tool, "--role", "deploy", "--account", accounts.join()],
        logsIn: true,
        ...(latency === 0 ? {} : { stage: servers.slow }),
      };
    })
  );
}

/** The AWS CLI v2: the first `aws` on PATH, else the one of Debian's package. */
async function findAwsCli(): Promise<string | undefined> {
  for (const path of [findProgram("aws"), "/usr/bin/aws"]) {
    if (path === undefined) continue;
    try {
      const { stdout } = await new Deno.Command(path, { args: ["--version"] }).output();
      if (new TextDecoder().decode(stdout).startsWith("aws-cli/2.")) return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return undefined;
}

/** What can be timed on this machine; says what cannot. */
async function makeCases(home: TempHome, servers: Servers): Promise<Case[]> {
  const deno = [Deno.execPath(), "run"];
  const ecrin = [...deno, "-A", mainScript];
  // outside of the repository, so that it has no deno.json to read
  const hello = await home.write("hello.ts", 'console.log("hello");\n');
  const cases: Case[] = [
    { name: "deno run hello.ts", argv: [...deno, hello], logsIn: false },
    { name: "ecrin --help", argv: [...ecrin, "--help"], logsIn: false },
    { name: "ecrin --dry-run", argv: [...ecrin, "--dry-run"], logsIn: false },
    { name: "ecrin --tool file", argv: [...ecrin, "--tool", "file"], logsIn: true },
    ...manyCases("file", ecrin, servers),
  ];
  if (findProgram("docker") === undefined) {
    console.log("docker is not installed: nothing of it is timed");
    return cases;
  }
  const docker = [...ecrin, "--tool", "docker"];
  const role = ["--role", "arn:aws:iam::222222222222:role/deploy"];
  const login = `docker login --username AWS --password-stdin ${servers.registry}`;
  const password = await home.write("password.txt", servers.password);
  cases.push(
    { name: "ecrin --tool docker", argv: docker, logsIn: true },
    { name: "ecrin --tool docker --role", argv: [...docker, ...role], logsIn: true },
    { name: "the SDK and dax alone", argv: [...deno, "-A", floorScript], logsIn: true },
    ...manyCases("docker", ecrin, servers),
    { name: "docker login", argv: ["sh", "-c", `${login} < "$0"`, password], logsIn: true },
  );
  const aws = await findAwsCli();
  if (aws === undefined) {
    console.log("AWS CLI v2 is not installed (apt-get install awscli): it is not timed");
    return cases;
  }
  const script = `"$0" --endpoint-url ${servers.aws} ecr get-login-password | ${login}`;
  return [...cases, { name: awsPipe, argv: ["sh", "-c", script, aws], logsIn: true }];
}

/** Runs a case once and returns its time in milliseconds. */
async function time(
  { name, argv, logsIn, stage }: Case,
  { home, env, registry }: { home: TempHome; env: Record<string, string>; registry: string },
): Promise<number> {
  await Deno.remove(home.at("docker/config.json")).catch(() => {}); // there is none yet
  const [program = "", ...args] = argv;
  const command = new Deno.Command(program, {
    args,
    env: { ...env, ...stage?.env },
    clearEnv: true,
    cwd: home.path,
  });
  const start = performance.now();
  const { code, stderr } = await command.output();
  const milliseconds = performance.now() - start;
  if (code !== 0) {
    throw new Error(`${name} ended with ${code}: ${new TextDecoder().decode(stderr)}`);
  }
  const host = stage?.registry ?? registry;
  if (logsIn && !(await home.read("docker/config.json")).includes(host)) {
    throw new Error(`${name} did not log in to ${host}`);
  }
  return milliseconds;
}

/** Times every case once a round, so that all see the same machine. */
async function timeAll(
  cases: readonly Case[],
  rounds: { warmUp: number; runs: number },
  once: (one: Case) => Promise<number>,
): Promise<Times> {
  const times = new Map(cases.map(({ name }) => [name, [] as number[]]));
  for (let round = -rounds.warmUp; round < rounds.runs; round++) {
    for (const one of cases) {
      const milliseconds = await once(one);
      if (round >= 0) times.get(one.name)?.push(milliseconds);
    }
  }
  return times;
}

function report(times: Times): string {
  const cell = (value: number): string => String(Math.round(value)).padStart(8);
  const summaries = [...times].map(([name, all]) => {
    const { median, min, max } = summarize(all);
    return { name, cells: `${cell(median)}${cell(min)}${cell(max)}` };
  });
  const ratios = comparisons.flatMap(({ name, base, aim }) => {
    const [measured, against] = [times.get(name), times.get(base)];
    if (measured === undefined || against === undefined) return [];
    const value = ratio(measured, against);
    const verdict = value <= (aim ?? NaN) ? "met" : "missed";
    const beside = aim === undefined ? "" : `    aim ${aim.toFixed(2)}: ${verdict}`;
    return { name: `${name} / ${base}`, cells: `${value.toFixed(2).padStart(8)}${beside}` };
  });
  const lines = [
    { name: "milliseconds", cells: "  median     min     max" },
    ...summaries,
    { name: "", cells: "" },
    { name: "times as long", cells: "  median" },
    ...ratios,
  ];
  const width = Math.max(...lines.map(({ name }) => name.length));
  return lines.map(({ name, cells }) => `${name.padEnd(width)}${cells}`.trimEnd()).join("\n");
}

/** A number of rounds as given on the command line. */
function count(text: string, least: number): number {
  const value = /^\d{1,4}$/.test(text) ? Number(text) : NaN;
  if (value >= least) return value;
  throw new Error(`not a number of runs: ${text}`);
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      runs: { type: "string", default: "20" },
      "warm-up": { type: "string", default: "3" },
    },
  });
  const rounds = { runs: count(values.runs, 1), warmUp: count(values["warm-up"], 0) };
  await using home = await tempHome();
  await home.write("docker/.keep", "");
  await using running = await startServers();
  const { servers } = running;
  const kept = ["PATH", "SystemRoot", "DENO_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"];
  const env = Object.fromEntries(
    Object.entries({
      ...Object.fromEntries(kept.map((name) => [name, Deno.env.get(name)])),
      ...servers.env,
      HOME: home.path,
      USERPROFILE: home.path,
      DOCKER_CONFIG: home.at("docker"),
      DENO_DIR: await denoDir(),
      DENO_NO_UPDATE_CHECK: "1",
      AWS_REGION: "eu-west-1",
      AWS_DEFAULT_REGION: "eu-west-1",
    }).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  console.log(
    `${navigator.hardwareConcurrency} CPUs, Deno ${Deno.version.deno}, ` +
      `${rounds.runs} runs after ${rounds.warmUp} to warm up; registry: ${servers.registryProgram}`,
  );
  const cases = await makeCases(home, servers);
  const { registry } = servers;
  console.log(
    `\n${report(await timeAll(cases, rounds, (one) => time(one, { home, env, registry })))}`,
  );
}

/** Starts servers.ts. Disposing stops it. */
async function startServers(): Promise<AsyncDisposable & { servers: Servers }> {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", serversScript],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const output = process.stdout.pipeThrough(new TextDecoderStream());
  const reader = output.getReader();
  let line = "";
  while (!line.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error("the servers ended before they were ready");
    line += value;
  }
  return {
    servers: JSON.parse(line),
    async [Symbol.asyncDispose](): Promise<void> {
      await process.stdin.close();
      await reader.cancel();
      await process.status;
    },
  };
}

/** Deno's cache, whose default place is below HOME. */
async function denoDir(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}
