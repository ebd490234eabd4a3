/**
 * One-time codes and the devices that show them, checked against what STS takes. Pure.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
 *
 * @module
 */

import { quote, usageError } from "./errors.ts";

const code = /^[0-9]{6}$/;
const serial = /^[\w+=/:,.@-]{9,256}$/;

/** The code in what a person typed, who may have put spaces in it; `undefined` when it is none. */
export function typedCode(text: string): string | undefined {
  const digits = text.replace(/\s/g, "");
  return code.test(digits) ? digits : undefined;
}

/** The code that a command printed on its last line, below whatever it had to say. */
export function printedCode(text: string): string | undefined {
  const last = text.trim().split("\n").at(-1)?.trim() ?? "";
  return code.test(last) ? last : undefined;
}

/**
 * `text` itself, when it can be an MFA code.
 *
 * @throws {UserError} `bad-mfa-code`
 */
export function parseMfaCode(text: string): string {
  if (code.test(text)) return text;
  throw usageError("bad-mfa-code", `${quote(text)} is not an MFA code`, "it has six digits");
}

/**
 * `text` itself, when it can name an MFA device.
 *
 * @throws {UserError} `bad-mfa-serial`
 */
export function parseMfaSerial(text: string): string {
  if (serial.test(text)) return text;
  throw usageError(
    "bad-mfa-serial",
    `${quote(text)} is not an MFA device`,
    "give its serial number, or its ARN: arn:aws:iam::111111111111:mfa/NAME",
  );
}
