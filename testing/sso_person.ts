/**
 * The person who signs in to IAM Identity Center with a device code.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { RunningCli } from "./cli.ts";

const pageAndCode = /^ecrin: {3}(\S+user_code=\S+)\r?\necrin: .* this code: (\S+)\r?$/m;

/** Waits until the page and the code are shown; resolves with both. */
export async function shownCode(
  cli: RunningCli,
  stream: "stdout" | "stderr" = "stderr",
): Promise<{ page: string; code: string }> {
  const [, page = "", code = ""] = (await cli.waitFor(stream, pageAndCode)).match(pageAndCode) ??
    [];
  return { page, code };
}

/** Waits for the page, opens it and agrees there (or not, if the fake's person denies). */
export async function openPage(
  cli: RunningCli,
  stream: "stdout" | "stderr" = "stderr",
): Promise<void> {
  const { page, code } = await shownCode(cli, stream);
  assert.equal(new URL(page).searchParams.get("user_code"), code);
  const answer = await fetch(page);
  assert.equal(answer.status, 200, await answer.text());
}
