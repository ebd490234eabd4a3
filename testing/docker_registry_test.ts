import assert from "node:assert/strict";
import { startDockerRegistry } from "./docker_registry.ts";
import { requirePrograms } from "./programs.ts";

const ignore = !requirePrograms(["docker-registry", "htpasswd"]);
const password = "not-a-secret-password";

Deno.test({
  name: "the real registry takes user AWS with the password, and nobody else",
  ignore,
  fn: async () => {
    await using registry = await startDockerRegistry({ password });
    const status = async (login: string): Promise<number> => {
      const headers = { authorization: `Basic ${btoa(login)}` };
      const response = await fetch(`${registry.url}/v2/`, { headers });
      await response.body?.cancel();
      return response.status;
    };
    assert.equal(await status(`AWS:${password}`), 200);
    assert.equal(await status("AWS:other"), 401);
    assert.equal(await status(`me:${password}`), 401);
  },
});

Deno.test({
  name: "a password that bcrypt would cut is refused",
  ignore,
  fn: async () => {
    const start = startDockerRegistry({ password: "x".repeat(73) });
    await assert.rejects(start, /73 bytes: more than the 72 of bcrypt/);
  },
});
