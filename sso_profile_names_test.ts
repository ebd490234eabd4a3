import assert from "node:assert/strict";
import {
  type NameOptions,
  nameProfiles,
  type RoleOfAccount,
  safeName,
} from "./sso_profile_names.ts";

const safeNames: [text: string, safe: string][] = [
  ["blog", "blog"],
  ["Blog (prod) / EU", "Blog-prod-EU"],
  ["Büro Zürich", "Buro-Zurich"],
  ["a.b_c", "a.b_c"],
  ["-x-", "x"],
  ["../../etc", "etc"],
  ["\x1b[2J]evil\n[profile x]", "2J-evil-profile-x"],
  ["日本", ""],
  ["", ""],
];

for (const [text, safe] of safeNames) {
  Deno.test(`${JSON.stringify(text)} is ${JSON.stringify(safe)} in a name`, () => {
    assert.equal(safeName(text), safe);
  });
}

const one = { id: "111111111111", name: "dev" };
const two = { id: "222222222222", name: "dev" };
const other = { id: "333333333333", name: "prod" };

function existing(profiles: Record<string, Record<string, string>>): NameOptions["existing"] {
  return new Map(
    Object.entries(profiles).map(([name, settings]) => [name, new Map(Object.entries(settings))]),
  );
}

function profileOf({ account, role }: RoleOfAccount): Record<string, string> {
  return { sso_session: "corp", sso_account_id: account.id, sso_role_name: role };
}

function names(roles: RoleOfAccount[], options: Partial<NameOptions> = {}): string[] {
  return nameProfiles(roles, {
    ...{ session: "corp", prefix: "", withRole: true, existing: new Map() },
    ...options,
  });
}

Deno.test("a profile is called after its account and role, with the prefix", () => {
  const roles = [{ account: one, role: "admin" }, { account: other, role: "read@only,a=b" }];
  assert.deepEqual(names(roles), ["dev-admin", "prod-read@only-a-b"]);
  assert.deepEqual(names(roles, { prefix: "corp-" }), [
    "corp-dev-admin",
    "corp-prod-read@only-a-b",
  ]);
  assert.deepEqual(names(roles, { withRole: false }), ["dev", "prod"]);
});

Deno.test("accounts of one name have their IDs in it, whatever their order", () => {
  const roles = [{ account: one, role: "admin" }, { account: two, role: "admin" }];
  const expected = ["dev-111111111111-admin", "dev-222222222222-admin"];
  assert.deepEqual(names(roles), expected);
  assert.deepEqual(names(roles.toReversed()), expected.toReversed());
});

Deno.test("an account without a name is called by its ID", () => {
  const roles = [{ account: { id: "444444444444", name: "" }, role: "admin" }];
  assert.deepEqual(names(roles), ["444444444444-admin"]);
});

Deno.test("account and role that make up another's name are told apart by the ID", () => {
  const roles = [
    { account: { id: "111111111111", name: "a" }, role: "b-c" },
    { account: { id: "222222222222", name: "a-b" }, role: "c" },
  ];
  assert.deepEqual(names(roles), ["a-111111111111-b-c", "a-b-222222222222-c"]);
});

Deno.test("a profile that is the role keeps its name when another account comes to share it", () => {
  const [first, second] = [{ account: one, role: "admin" }, { account: two, role: "admin" }];
  const there = existing({ "dev-admin": profileOf(first) });
  assert.deepEqual(names([first, second], { existing: there }), [
    "dev-admin",
    "dev-222222222222-admin",
  ]);
});

Deno.test("and one with the ID keeps it when no other account shares the name any more", () => {
  const role = { account: one, role: "admin" };
  const there = existing({ "dev-111111111111-admin": profileOf(role) });
  assert.deepEqual(names([role], { existing: there }), ["dev-111111111111-admin"]);
});

const foreign: [name: string, settings: Record<string, string>][] = [
  ["keys", { aws_access_key_id: "x" }],
  ["only a region", { region: "eu-west-1" }],
  ["another account", profileOf({ account: two, role: "admin" })],
  ["another role", profileOf({ account: one, role: "audit" })],
  ["another session", { ...profileOf({ account: one, role: "admin" }), sso_session: "x" }],
  ["a role from there", { ...profileOf({ account: one, role: "admin" }), role_arn: "x" }],
];

for (const [name, settings] of foreign) {
  Deno.test(`a profile with ${name} is left alone`, () => {
    const role = { account: one, role: "admin" };
    const there = { "dev-admin": settings };
    assert.deepEqual(names([role], { existing: existing(there) }), ["dev-111111111111-admin"]);
    const both = existing({ ...there, "dev-111111111111-admin": settings });
    assert.throws(() => names([role], { existing: both }), {
      code: "profile-exists",
      message: /profile "dev-111111111111-admin" already, which is not admin of account 1{12}$/,
    });
  });
}

Deno.test("no profile is called default", () => {
  const roles = [{ account: { id: "111111111111", name: "default" }, role: "admin" }];
  assert.deepEqual(names(roles, { withRole: false }), ["default-111111111111"]);
});
