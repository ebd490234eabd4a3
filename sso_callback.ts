/**
 * The loopback server that the browser comes back to after a sign-in with PKCE (RFC 8252,
 * section 7.3), and what it brings along.
 *
 * @module
 */

import { exitCodes, usageError, UserError } from "./errors.ts";
import { errorCode } from "./file_lock.ts";
import { failurePage, landingResponse } from "./sso_landing_page.ts";

/** The path that the browser is sent back to. */
const callbackPath = "/oauth/callback";

/** How long the browser may take to read the last page, in milliseconds. */
const closingLimit = 1000;

/** What a sign-in came to, as the address says that the browser is sent back to. */
export type Callback =
  | { readonly kind: "code"; readonly code: string }
  /** As of RFC 6749, section 4.1.2.1: `"access_denied"`. */
  | { readonly kind: "error"; readonly error: string; readonly description: string }
  /** It belongs to another sign-in. */
  | { readonly kind: "wrong-state" }
  | { readonly kind: "malformed" };

/** A {@linkcode Callback} that is this sign-in's. */
export type Answer = Extract<Callback, { kind: "code" | "error" }>;

/** An answer, and the way to show the browser a page. */
export type Arrival = Answer & { readonly reply?: (page: Response) => void };

/** Where the browser comes back to. Disposing closes it, once the last page is read. */
export interface CallbackListener extends AsyncDisposable {
  /** With the port: `http://127.0.0.1:PORT/oauth/callback`. */
  readonly redirectUri: string;
  /** Waits for the browser with `state`. The page that it waits for is the receiver's to give. */
  readonly expect: (state: string) => Promise<Arrival>;
}

/**
 * Starts to listen on 127.0.0.1.
 *
 * @param port one that is forwarded; undefined for any
 * @throws {UserError} `port-unusable`
 */
export function listenForCallback(port: number | undefined): CallbackListener {
  let expected: { state: string; arrive: (arrival: Arrival) => void } | undefined;
  const serve = async (request: Request): Promise<Response> => {
    // it is made from the Host header, which may be anything
    const url = URL.parse(request.url);
    if (url === null) return plain(400, "no such address");
    const { pathname, searchParams } = url;
    if (pathname !== callbackPath) return plain(404, "not found");
    if (request.method !== "GET") return plain(405, "only GET");
    // any page can have the browser load an image from every port, and so end the sign-in
    const destination = request.headers.get("sec-fetch-dest") ?? "document";
    if (destination !== "document") return plain(403, "only as a page of its own");
    const callback = readCallback(searchParams, expected?.state ?? "");
    if (callback.kind === "malformed") return plain(400, "neither a code nor an error");
    // a code is good once: a second request with it is of no sign-in that is waited for
    if (callback.kind === "wrong-state" || expected === undefined) {
      return await landingResponse(failurePage("wrong-state"));
    }
    const { promise, resolve } = Promise.withResolvers<Response>();
    expected.arrive({ ...callback, reply: resolve });
    expected = undefined;
    return await promise;
  };
  const server = start(port, serve);
  return {
    redirectUri: `http://127.0.0.1:${server.addr.port}${callbackPath}`,
    expect: (state) =>
      new Promise((resolve) => {
        expected = { state, arrive: resolve };
      }),
    async [Symbol.asyncDispose](): Promise<void> {
      // a browser may hold connections open that nothing comes over
      server.unref();
      let timer: ReturnType<typeof setTimeout> | undefined;
      const limit = new Promise((resolve) => timer = setTimeout(resolve, closingLimit));
      await Promise.race([server.shutdown(), limit]);
      clearTimeout(timer);
    },
  };
}

function start(
  port: number | undefined,
  handler: (request: Request) => Promise<Response>,
): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve({ hostname: "127.0.0.1", port: port ?? 0, onListen: () => {} }, handler);
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) {
      throw usageError(
        "port-unusable",
        `port ${port} of 127.0.0.1 is taken`,
        "end what uses it, or give another one: --port PORT",
        error,
      );
    }
    const code = errorCode(error);
    if (code === undefined) throw error;
    throw new UserError(`cannot listen on port ${port ?? 0} of 127.0.0.1 (${code})`, {
      code: "port-unusable",
      exitCode: exitCodes.usage,
      hint: "give another one: --port PORT; or sign in without: --device-code",
      cause: error,
    });
  }
}

/** Reads what the browser was sent back with. */
function readCallback(params: URLSearchParams, state: string): Callback {
  const once = (name: string): string | undefined => {
    const [value, ...more] = params.getAll(name);
    return more.length === 0 && value ? value : undefined;
  };
  const code = once("code");
  const error = once("error");
  const got = once("state");
  if (code === undefined && error === undefined) return { kind: "malformed" };
  // an error may come without the state; whoever sends a false one gains nothing
  const isOurs = got === undefined ? error !== undefined : isSame(got, state);
  if (!isOurs || params.getAll("state").length > 1) return { kind: "wrong-state" };
  if (error !== undefined) {
    return { kind: "error", error, description: once("error_description") ?? "" };
  }
  return code === undefined ? { kind: "malformed" } : { kind: "code", code };
}

/**
 * What a person pasted: the address that their browser ended at, or its part from the `?` on.
 */
export function readPasted(text: string, state: string): Callback {
  const trimmed = text.trim();
  const url = URL.parse(
    trimmed.startsWith("?") ? `http://127.0.0.1${callbackPath}${trimmed}` : trimmed,
  );
  if (url === null || url.pathname !== callbackPath) return { kind: "malformed" };
  return readCallback(url.searchParams, state);
}

/** Whether two texts are the same, in a time that does not tell how much of them is. */
function isSame(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => new TextEncoder().encode(text));
  if (left === undefined || right === undefined || left.length !== right.length) return false;
  return left.reduce((difference, byte, i) => difference | (byte ^ (right[i] ?? 0)), 0) === 0;
}

function plain(status: number, text: string): Response {
  return new Response(`${text}\n`, {
    status,
    headers: { "content-type": "text/plain", "cache-control": "no-store", "connection": "close" },
  });
}
