/**
 * Checks of errors that are made for people.
 *
 * @module
 */

import assert from "node:assert/strict";
import { UserError } from "../errors.ts";

/** The error that `run` throws, which has to be one for users. */
export function failure(run: () => unknown): UserError {
  try {
    run();
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new assert.AssertionError({ message: "nothing was thrown" });
}

/** Checks what holds for every message that people see. */
export function assertWellSaid(error: UserError): void {
  for (const text of [error.message, error.hint ?? "x"]) {
    assert.match(text, /^[\x20-\x7e]+$/, "printable on any terminal");
    assert.doesNotMatch(text, /\.$/, "no full stop");
    assert.ok(text.length < 400, "short");
  }
  assert.equal(error.exitCode, 2);
}

/** A region of each partition, and some more. */
export const regions = {
  "us-east-1": "aws",
  "ap-southeast-5": "aws",
  "mx-central-1": "aws",
  "il-central-1": "aws",
  "ca-west-19": "aws",
  "us-gov-west-1": "aws-us-gov",
  "cn-northwest-1": "aws-cn",
  "eusc-de-east-1": "aws-eusc",
  "us-iso-east-1": "aws-iso",
  "us-isob-east-1": "aws-iso-b",
  "eu-isoe-west-1": "aws-iso-e",
  "us-isof-south-1": "aws-iso-f",
};
