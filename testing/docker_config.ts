/**
 * Docker's config.json as the unit under test: a login to store, a folder to store it in, and what is
 * there afterwards.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { StoredLogin } from "../docker_config.ts";
import { UserError } from "../errors.ts";
import { Secret } from "../secret.ts";

/** The registry, the login to it, and the entry that the login makes. */
export const host = "222222222222.dkr.ecr.eu-west-1.amazonaws.com";
export const login: StoredLogin = { host, username: "AWS", password: new Secret("made:up") };
export const auth = btoa("AWS:made:up");

/** Another registry, with the entry of ann. */
export const other = "other.example";
export const otherAuth = btoa("ann:other");

/** Asserts that the file has the entry of {@linkcode login}. */
export async function assertStored(path: string): Promise<void> {
  const { auths } = JSON.parse(await Deno.readTextFile(path));
  assert.deepEqual(auths[host], { auth });
}

/** The error that `promise` fails with, which has to be one for users. */
export async function failure(promise: Promise<unknown>): Promise<UserError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof UserError, Deno.inspect(error));
    return error;
  }
  return assert.fail("it did not fail");
}

/** The permissions of a file. */
export async function modeOf(path: string): Promise<number> {
  return ((await Deno.stat(path)).mode ?? 0) & 0o777;
}

/** The names in a folder, sorted. */
export async function namesIn(folder: string): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  return names.sort();
}

/** Runs `body` with a temporary folder. */
export async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** `met`, after a line about it when it is false. */
export function needs(what: string, met: boolean): boolean {
  if (!met) console.log(`skipped: needs ${what}`);
  return met;
}
