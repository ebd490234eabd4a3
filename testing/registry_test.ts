import assert from "node:assert/strict";
import { tempHome } from "./cli.ts";
import { type IssuedPassword, PasswordTable } from "./passwords.ts";
import { requirePrograms } from "./programs.ts";
import {
  type FakeRegistry,
  type RegistryFault,
  type RegistryOptions,
  startRegistry,
} from "./registry.ts";

const passwords = new PasswordTable();

function issue(changes: Partial<IssuedPassword> = {}): string {
  return passwords.issue({
    public: false,
    region: "eu-west-1",
    account: "111111111111",
    expiresAt: Date.now() + 60_000,
    ...changes,
  }).password;
}

function start(options: Partial<RegistryOptions> = {}): FakeRegistry {
  return startRegistry({ issued: (password) => passwords.get(password), ...options });
}

async function ask(
  registry: FakeRegistry,
  password?: string,
  { user = "AWS", path = "/v2/", scheme = "Basic" } = {},
): Promise<{ status: number; body: string; headers: Headers }> {
  const headers = new Headers();
  if (password !== undefined) {
    headers.set("authorization", `${scheme} ${btoa(`${user}:${password}`)}`);
  }
  const response = await fetch(`${registry.url}${path}`, { headers });
  return { status: response.status, body: await response.text(), headers: response.headers };
}

Deno.test("a private registry asks for Basic authentication as ECR does", async () => {
  await using registry = start();
  const { status, body, headers } = await ask(registry);
  assert.equal(status, 401);
  assert.equal(body, "Not Authorized\n");
  assert.equal(
    headers.get("www-authenticate"),
    `Basic realm="${registry.url}/",service="ecr.amazonaws.com"`,
  );
  assert.equal(headers.get("docker-distribution-api-version"), "registry/2.0");
});

Deno.test("ECR Public hands out a token for the password", async () => {
  await using registry = start({ public: true });
  const { status, headers } = await ask(registry);
  assert.equal(status, 401);
  assert.equal(
    headers.get("www-authenticate"),
    `Bearer realm="${registry.url}/token/",service="public.ecr.aws",scope="aws"`,
  );
  const path = "/token/?service=public.ecr.aws&scope=aws";
  const { body } = await ask(registry, issue({ public: true }), { path });
  const response = await fetch(`${registry.url}/v2/`, {
    headers: { authorization: `Bearer ${JSON.parse(body).token}` },
  });
  await response.body?.cancel();
  assert.equal(response.status, 200);
});

const expired = /"DENIED","message":"Your authorization token has expired\. Reauthenticate/;
const logins: [
  name: string,
  options: Partial<RegistryOptions>,
  password: () => string,
  user: string,
  status: number,
  body: RegExp,
][] = [
  ["an issued password", {}, issue, "AWS", 200, /^$/],
  ["a made-up password", {}, () => "not-a-password", "AWS", 400, /^$/],
  ["another user", {}, issue, "me", 400, /^$/],
  ["an expired password", {}, () => issue({ expiresAt: 1 }), "AWS", 403, expired],
  ["a public password", {}, () => issue({ public: true }), "AWS", 400, /^$/],
  ["another region's password", { region: "us-west-2" }, issue, "AWS", 400, /^$/],
  ["its region's password", { region: "eu-west-1" }, issue, "AWS", 200, /^$/],
  [
    "a private password",
    { public: true },
    issue,
    "AWS",
    403,
    /"DENIED","message":"Not Authorized"/,
  ],
  [
    "an expired public password",
    { public: true },
    () => issue({ public: true, expiresAt: 1 }),
    "AWS",
    403,
    expired,
  ],
];
for (const [name, options, password, user, status, body] of logins) {
  Deno.test(`a ${options.public ? "public" : "private"} registry answers ${name} with ${status}`, async () => {
    await using registry = start(options);
    const path = options.public ? "/token/" : "/v2/";
    const answer = await ask(registry, password(), { user, path });
    assert.equal(answer.status, status);
    assert.match(answer.body, body);
    assert.deepEqual(registry.requests.map(({ user, status }) => [user, status]), [[user, status]]);
  });
}

Deno.test("a public registry takes no password where it wants a token", async () => {
  await using registry = start({ public: true });
  assert.equal((await ask(registry, issue({ public: true }))).status, 401);
});

const faults: [RegistryFault, number, RegExp][] = [
  ["5xx", 503, /UNAVAILABLE/],
  ["throttle", 429, /TOOMANYREQUESTS/],
  ["refuse", 401, /Not Authorized/],
  ["denied", 403, /Not Authorized/],
  ["garbage", 200, /<!DOCTYPE html>/],
];
for (const [kind, status, body] of faults) {
  Deno.test(`a registry fails once with ${kind}`, async () => {
    await using registry = start();
    registry.fault(kind, 1);
    const answer = await ask(registry, issue());
    assert.equal(answer.status, status);
    assert.match(answer.body, body);
    assert.equal((await ask(registry, issue())).status, 200);
  });
}

Deno.test("a registry breaks the connection off", async () => {
  await using registry = start();
  registry.fault("reset");
  await assert.rejects(ask(registry, issue()), TypeError);
});

Deno.test("a hanging registry lets go when it is disposed", async () => {
  const registry = start();
  registry.fault("hang");
  const asked = ask(registry, issue()).then(() => "answered", () => "broken off");
  while (registry.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  await registry[Symbol.asyncDispose]();
  assert.equal(await asked, "broken off");
});

const dockerLogins: [
  name: string,
  options: Partial<RegistryOptions>,
  password: () => string,
  says: RegExp,
][] = [
  ["takes an issued password", {}, issue, /^Login Succeeded/],
  ["takes a public password", { public: true }, () => issue({ public: true }), /^Login Succeeded/],
  ["is told 400 Bad Request", { region: "us-west-2" }, issue, /status: 400 Bad Request/],
  ["is told that a password expired", {}, () => issue({ expiresAt: 1 }), /403|has expired/],
  ["is told denied", { public: true }, issue, /denied|403/],
];
for (const [name, options, password, says] of dockerLogins) {
  Deno.test({
    name: `docker login ${name}`,
    ignore: !requirePrograms(["docker"]),
    fn: async () => {
      await using home = await tempHome();
      await using registry = start(options);
      const process = new Deno.Command("docker", {
        args: ["login", "--username", "AWS", "--password-stdin", registry.host],
        env: { HOME: home.path, DOCKER_CONFIG: home.at(".docker") },
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const writer = process.stdin.getWriter();
      await writer.write(new TextEncoder().encode(password()));
      await writer.close();
      const { stdout, stderr } = await process.output();
      const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
      const output = decode(stdout) + decode(stderr);
      assert.match(output.replace(/^WARNING.*(\n.*)*?(?=Login|Error)/, ""), says, output);
    },
  });
}
