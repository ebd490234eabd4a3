import assert from "node:assert/strict";
import {
  type EcrLogin,
  findStoredLogins,
  openStoredExpiries,
  registryOfKey,
} from "./stored_logins.ts";
import { storeFiles } from "./stores.ts";
import { realSystem, type System } from "./system.ts";
import { type TempHome, tempHome } from "./testing/cli.ts";
import {
  ecrPublic,
  entryFor,
  irish,
  other,
  otherEntry,
  passwordFor,
  virginian,
  writeCredentialHelper,
} from "./testing/stored_logins.ts";

const posix = Deno.build.os !== "windows"; // the helpers of these tests are shell scripts
const { signal } = new AbortController();

function systemIn(home: TempHome, env: Record<string, string> = {}): System {
  return {
    ...realSystem(),
    env: { HOME: home.path, PATH: home.at("bin"), XDG_RUNTIME_DIR: home.at("run"), ...env },
  };
}

/** What is found in a home with these files; helpers keep a login of an hour for each host. */
async function find(
  files: Record<string, unknown>,
  helpers: Record<string, string[]> = {},
): Promise<{ found: string[]; errors: string[]; leftToAmazon: number }> {
  await using home = await tempHome();
  for (const [path, content] of Object.entries(files)) {
    await home.write(path, typeof content === "string" ? content : JSON.stringify(content));
  }
  for (const [name, hosts] of Object.entries(helpers)) {
    const logins = hosts.map((host) => [host, passwordFor(3600)] as const);
    await writeCredentialHelper(home, name, Object.fromEntries(logins));
  }
  const system = systemIn(home);
  const context = { system, signal };
  const { logins, errors, leftToAmazon } = await findStoredLogins(storeFiles(system), context);
  return {
    found: logins.map((login) => describe(login)),
    errors: errors.map(({ code }) => code),
    leftToAmazon: leftToAmazon.length,
  };
}

/** `docker 2222…: 60m`. */
function describe({ registry, file, helper, state, expiresAt }: EcrLogin): string {
  const minutes = expiresAt && Math.round((expiresAt.getTime() - Date.now()) / 60_000);
  const where = helper === undefined ? file.kind : `${file.kind}/${helper}`;
  const good = state === "amazon" ? "renewed" : minutes === undefined ? "unknown" : `${minutes}m`;
  return `${where} ${registry.host.slice(0, 6)} ${good}${state === "unused" ? " unused" : ""}`;
}

const docker = ".docker/config.json";
const podman = "run/containers/auth.json";
const helm = ".config/helm/registry/config.json";

/** What the home holds: files, and what the helper `made` keeps. */
const homes: [
  name: string,
  files: Record<string, unknown>,
  found: string[],
  more?: { helpers?: Record<string, string[]>; errors?: string[]; leftToAmazon?: number },
][] = [
  ["nothing", {}, []],
  ["an empty file", { [docker]: "" }, []],
  ["other people's logins", { [docker]: { auths: { [other]: otherEntry } } }, []],
  [
    "a login in each file",
    {
      [docker]: { auths: { [irish]: entryFor(3600), [other]: otherEntry } },
      [podman]: { auths: { [irish]: entryFor(7200) } },
      [helm]: { auths: { [ecrPublic]: entryFor(-3600) } },
    },
    ["docker 222222 60m", "podman 222222 120m", "helm public -60m"],
  ],
  [
    "a login under a URL, and one of a team",
    {
      [docker]: { auths: { [`https://${irish}/v2/`]: entryFor(3600) } },
      [podman]: { auths: { [`${virginian}/team`]: entryFor(3600) } },
    },
    ["docker 222222 60m", "podman 333333 60m"],
  ],
  [
    "a login under the host and an older one under its URL",
    { [docker]: { auths: { [`https://${irish}`]: entryFor(60), [irish]: entryFor(3600) } } },
    ["docker 222222 60m"],
  ],
  [
    "entries that are no login",
    { [docker]: { auths: { [irish]: {}, [virginian]: { identitytoken: "x" } } } },
    [],
  ],
  [
    "a password that tells nothing",
    { [docker]: { auths: { [irish]: { auth: btoa("AWS:old") } } } },
    ["docker 222222 unknown"],
  ],
  [
    "names that look like ECR's",
    {
      [docker]: {
        auths: {
          "222222222222.dkr.ecr.evil.example": entryFor(60),
          "222222222222.dkr.ecr.eu-west-1.amazonaws.com.evil.example": entryFor(60),
          "evil.example/222222222222.dkr.ecr.eu-west-1.amazonaws.com": entryFor(60),
          "222222222222": entryFor(60),
          "127.0.0.1:5000": entryFor(60),
          "arn:aws:ecr:eu-west-1:222222222222:repository/x.y": entryFor(60),
        },
      },
    },
    [],
  ],
  [
    "a store for all",
    { [docker]: { auths: { [irish]: {}, [other]: {} }, credsStore: "made" } },
    ["docker/made 222222 60m", "docker/made public 60m"],
    { helpers: { made: [irish, ecrPublic, other] } },
  ],
  [
    "a store for all, and a login in the file, which no tool would use",
    { [docker]: { auths: { [irish]: entryFor(7200) }, credsStore: "made" } },
    ["docker 222222 120m unused"],
    { helpers: { made: [other] } },
  ],
  [
    "a store for one host, another in the file",
    {
      [docker]: {
        auths: { [irish]: {}, [virginian]: entryFor(7200) },
        credHelpers: { [irish]: "made" },
      },
    },
    ["docker/made 222222 60m", "docker 333333 120m"],
    { helpers: { made: [irish, virginian] } },
  ],
  [
    "a store for all but one host, which is in the file",
    {
      [docker]: {
        auths: { [virginian]: entryFor(7200) },
        credsStore: "made",
        credHelpers: { [virginian]: "" },
      },
    },
    ["docker/made 222222 60m", "docker 333333 120m"],
    { helpers: { made: [irish, virginian] } },
  ],
  [
    "podman, which knows no store for all",
    { [podman]: { auths: { [irish]: entryFor(3600) }, credsStore: "nothere" } },
    ["podman 222222 60m"],
  ],
  [
    "Amazon's helper for one host",
    { [docker]: { credHelpers: { [irish]: "ecr-login" }, auths: { [irish]: entryFor(60) } } },
    ["docker 222222 1m unused", "docker/ecr-login 222222 renewed"],
  ],
  ["Amazon's helper for all", { [docker]: { credsStore: "ecr-login" } }, [], { leftToAmazon: 1 }],
  [
    "a store that is not installed, and another file",
    { [docker]: { credsStore: "nothere" }, [podman]: { auths: { [irish]: entryFor(3600) } } },
    ["podman 222222 60m"],
    { errors: ["credential-store-missing"] },
  ],
  [
    "a malformed file, and another one",
    { [docker]: '{"auths": ', [podman]: { auths: { [irish]: entryFor(3600) } } },
    ["podman 222222 60m"],
    { errors: ["docker-config-malformed"] },
  ],
];

for (const [name, files, found, { helpers = {}, errors = [], leftToAmazon = 0 } = {}] of homes) {
  Deno.test({ name: `found in a home with ${name}`, ignore: !posix }, async () => {
    assert.deepEqual(await find(files, helpers), { found, errors, leftToAmazon });
  });
}

Deno.test("a key names a registry by its host alone", () => {
  assert.equal(registryOfKey(irish)?.region, "eu-west-1");
  assert.equal(registryOfKey(`http://${irish}/v1/`)?.host, irish);
  assert.equal(registryOfKey("https://index.docker.io/v1/"), undefined);
  assert.equal(registryOfKey(""), undefined);
  assert.equal(registryOfKey(`ftp://${irish}`), undefined);
});

Deno.test({ name: "how long a tool's login lasts", ignore: !posix }, async (t) => {
  await using home = await tempHome();
  const config = {
    auths: { [irish]: entryFor(3600), [virginian]: {}, "127.0.0.1:5000": entryFor(3600) },
    credHelpers: { [virginian]: "made", [ecrPublic]: "ecr-login" },
  };
  await home.write(docker, JSON.stringify(config));
  await home.write(podman, '{"auths"');
  await writeCredentialHelper(home, "made", { [virginian]: passwordFor(7200) });
  const { lasting, expiryIn } = openStoredExpiries({ system: systemIn(home), signal });

  const rows: [tool: "docker" | "podman" | "file" | "helm", host: string, longest: number][] = [
    ["docker", irish, 3600],
    ["file", irish, 3600],
    ["docker", virginian, 7200],
    ["docker", "127.0.0.1:5000", 3600],
    ["docker", ecrPublic, 0],
    ["docker", "444444444444.dkr.ecr.eu-west-1.amazonaws.com", 0],
    ["podman", irish, 0],
    ["helm", irish, 0],
  ];
  for (const [tool, host, longest] of rows) {
    await t.step(`${tool} at ${host}: ${longest} s`, async () => {
      assert.equal(await expiryIn(tool, host) !== undefined, longest > 0);
      assert.equal(await lasting(tool, host, longest - 60) !== undefined, longest > 0);
      assert.equal(await lasting(tool, host, longest + 60), undefined);
    });
  }
});

Deno.test("a wait for a store ends with the run, as no login that lasts", async () => {
  await using home = await tempHome();
  await home.write(docker, JSON.stringify({ credsStore: "made" }));
  await writeCredentialHelper(home, "made", {});
  const stop = AbortSignal.abort(new Error("stop"));
  const { lasting } = openStoredExpiries({ system: systemIn(home), signal: stop });
  await assert.rejects(lasting("docker", irish, 0), { message: "stop" });
});
