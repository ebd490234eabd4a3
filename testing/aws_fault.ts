/**
 * A refusal as AWS words it: HTTP status, error code, message. Services throw it, the server turns
 * it into the wire form of the service's protocol (see `protocol.ts`).
 *
 * @module
 */

/** An error that the fake AWS answers with. `message` is AWS's own text. */
export class AwsFault extends Error {
  override readonly name = "AwsFault";
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** What AWS says when a policy does not allow an action: `AccessDenied(Exception)`. */
export function accessDenied(
  service: string,
  principal: string,
  action: string,
  resource: string,
): AwsFault {
  const message =
    `User: ${principal} is not authorized to perform: ${action} on resource: ${resource}`;
  return service === "sts" ? new AwsFault(403, "AccessDenied", message) : new AwsFault(
    400,
    "AccessDeniedException",
    `${message} because no identity-based policy allows the ${action} action`,
  );
}
