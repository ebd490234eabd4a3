/**
 * Docker's config.json as text: what it says, and what a change makes of it.
 */

import assert from "node:assert/strict";
import {
  credentialStoreFor,
  type LoginChange,
  mergeLogins,
  parseDockerConfig,
  readLogin,
} from "./docker_config.ts";
import { exitCodes, UserError } from "./errors.ts";
import { auth, host, login, other, otherAuth } from "./testing/docker_config.ts";

// what a file says

const stores: { config: unknown; expected: string | undefined }[] = [
  { config: {}, expected: undefined },
  { config: { credsStore: "pass" }, expected: "pass" },
  { config: { CredsStore: "pass" }, expected: "pass" },
  { config: { credsStore: "" }, expected: undefined },
  { config: { credsStore: null, credHelpers: null }, expected: undefined },
  { config: { credsStore: "pass", credHelpers: { [host]: "ecr-login" } }, expected: "ecr-login" },
  { config: { credsStore: "pass", credHelpers: { [host]: "" } }, expected: undefined },
  { config: { credsStore: "pass", credHelpers: { "example.com": "x" } }, expected: "pass" },
];

for (const { config, expected } of stores) {
  Deno.test(`the store with ${JSON.stringify(config)} is ${expected ?? "the file"}`, () => {
    const parsed = parseDockerConfig(JSON.stringify(config), "config.json");
    assert.equal(credentialStoreFor(parsed, host), expected);
  });
}

const malformed: [text: string, place: string, fault: string][] = [
  ["", "1:1", "the file is empty"],
  [" \n", "1:1", "the file is empty"],
  ["\uFEFF{}", "1:1", "starts with a byte order mark, which docker cannot read"],
  ["null", "1:1", "the file is not an object"],
  ["[]", "1:1", "the file is not an object"],
  ['{\n  "auths": {},\n}', "3:1", "expected a name in double quotes"],
  ['{\n  "auths": {', "2:13", "expected a name in double quotes, found the end"],
  ['{"auths":{}} hunter2', "1:14", "expected nothing after the closing bracket"],
  ['{"auths":{}}{}', "1:13", "expected nothing after the closing bracket"],
  ['{"auths": [1]}', "1:11", '"auths" is not an object'],
  ['{"auths": {"a": "hunter2"}}', "1:17", 'an entry of "auths" is not an object'],
  ['{"auths": {"a": {"auth": 7}}}', "1:26", '"auth" is not a string'],
  ['{"auths": {"a": {"auth": "hunter2"}}}', "1:26", '"auth" is not base64 of username:password'],
  [
    '{"auths": {"a": {"auth": "aHVudGVyMg=="}}}',
    "1:26",
    '"auth" is not base64 of username:password',
  ],
  ['{"credHelpers": "x"}', "1:17", '"credHelpers" is not an object'],
  ['{"credHelpers": {"a": 1}}', "1:23", 'an entry of "credHelpers" is not a string'],
  ['{"credsStore": {}}', "1:16", '"credsStore" is not a string'],
];

for (const [text, place, fault] of malformed) {
  Deno.test(`a config ${JSON.stringify(text)} is refused: ${place}: ${fault}`, () => {
    const error = thrown(() => parseDockerConfig(text, "/x/config.json"));
    assert.equal(
      error.message,
      `the file of logins is malformed: /x/config.json:${place}: ${fault}`,
    );
    assert.equal(error.code, "docker-config-malformed");
    assert.equal(error.exitCode, exitCodes.tool);
    assert.ok(error.hint);
    assert.ok(!Deno.inspect(error).includes("hunter2"), "the content is not shown");
  });
}

function thrown(work: () => void): UserError {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof UserError, Deno.inspect(error));
    return error;
  }
  return assert.fail("it was taken");
}

Deno.test("a login is read as it was written, at its first colon", async () => {
  const text = await mergeLogins(undefined, [login], "config.json");
  const read = await readLogin(parseDockerConfig(text, "config.json"), host);
  assert.deepEqual([read?.username, read?.password.reveal()], ["AWS", "made:up"]);
  assert.equal(await readLogin(parseDockerConfig(text, "config.json"), other), undefined);
});

// what a change makes of a file

const merges: { name: string; text?: string; changes?: LoginChange[]; expected: string }[] = [
  {
    name: "a new file looks as docker writes it",
    expected: `{\n\t"auths": {\n\t\t"${host}": {\n\t\t\t"auth": "${auth}"\n\t\t}\n\t}\n}`,
  },
  {
    name: "unknown keys, order, duplicates and numbers stay",
    text: '{ "2": 1.0, "1": [1,2], "x": 12345678901234567890, "x": {}, "auths": { } }\n',
    expected:
      `{ "2": 1.0, "1": [1,2], "x": 12345678901234567890, "x": {}, "auths": {"${host}":{"auth":"${auth}"}} }\n`,
  },
  {
    name: "two spaces, and a newline at the end",
    text: `{\n  "auths": {\n    "${other}": {\n      "auth": "${otherAuth}"\n    }\n  }\n}\n`,
    expected:
      `{\n  "auths": {\n    "${other}": {\n      "auth": "${otherAuth}"\n    },\n    "${host}": {\n      "auth": "${auth}"\n    }\n  }\n}\n`,
  },
  {
    name: "minified",
    text: `{"auths":{"${other}":{"auth":"${otherAuth}"}},"currentContext":"x"}`,
    expected:
      `{"auths":{"${other}":{"auth":"${otherAuth}"},"${host}":{"auth":"${auth}"}},"currentContext":"x"}`,
  },
  {
    name: "auths that are missing come last",
    text: '{\r\n    "psFormat": "x"\r\n}\r\n',
    expected:
      `{\r\n    "psFormat": "x",\r\n    "auths": {\r\n        "${host}": {\r\n            "auth": "${auth}"\r\n        }\r\n    }\r\n}\r\n`,
  },
  {
    name: "auths of null",
    text: '{"auths":null}',
    expected: `{"auths":{"${host}":{"auth":"${auth}"}}}`,
  },
  {
    name: "Auths, which docker takes as well",
    text: '{"Auths":{}}',
    expected: `{"Auths":{"${host}":{"auth":"${auth}"}}}`,
  },
  {
    name: "an older login is replaced, with all that docker would prefer to it",
    text:
      `{"auths":{"${host}":{"identitytoken":"x","auth":"${otherAuth}","email":"a@b","password":"x"}}}`,
    expected: `{"auths":{"${host}":{"auth":"${auth}","email":"a@b"}}}`,
  },
  {
    name: "the same login changes nothing",
    text: `{"auths" : {"${host}":{ "auth" :"${auth}"}}}`,
    expected: `{"auths" : {"${host}":{ "auth" :"${auth}"}}}`,
  },
  {
    name: "a login that went to a store leaves an empty entry",
    text: `{"auths":{"${host}":{"auth":"${otherAuth}"}}}`,
    changes: [{ host, action: "in-store" }, { host: other, action: "in-store" }],
    expected: `{"auths":{"${host}":{},"${other}":{}}}`,
  },
  {
    name: "a login is removed in each spelling that docker logout knows",
    text: `{"auths":{"${other}":{},"${host}":{},"https://${host}":{},"https://${host}/v1/":{}}}`,
    changes: [{ host, action: "remove" }],
    expected: `{"auths":{"${other}":{},"https://${host}/v1/":{}}}`,
  },
  {
    name: "many changes at once",
    text: `{"auths":{"${other}":{}}}`,
    changes: [login, { host: other, action: "remove" }, { ...login, host: "b.example" }],
    expected: `{"auths":{"${host}":{"auth":"${auth}"},"b.example":{"auth":"${auth}"}}}`,
  },
];

for (const { name, text, changes = [login], expected } of merges) {
  Deno.test(`merging: ${name}`, async () => {
    const merged = await mergeLogins(text, changes, "config.json");
    assert.equal(merged, expected);
    assert.equal(await mergeLogins(merged, changes, "config.json"), merged, "again");
  });
}
