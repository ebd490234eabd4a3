/**
 * An HTTP proxy on loopback that leads host names to loopback ports: clients ask for real AWS names,
 * test servers answer, and a name that no test server has is refused and recorded.
 *
 * @module
 */

import { acceptConnections, join, writeAll } from "./loopback.ts";

/** How a proxy is made. */
export interface ProxyOptions {
  /** The loopback port for a host name; a name without one is answered with 502. */
  hosts: Record<string, number> | ((host: string, port: number) => number | undefined);
  /** What `Proxy-Authorization` must say; default nothing. */
  login?: { user: string; password: string };
}

/** A host that a client asked the proxy for. */
export interface AskedHost {
  host: string;
  port: number;
  /** `connect`: a tunnel, as for https; `http`: one plain request. */
  kind: "connect" | "http";
  /** 200 (passed on), 407 (no or wrong login) or 502 (a name that leads nowhere). */
  status: number;
}

/** A running proxy. */
export interface TestProxy extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, with the login when one is wanted. */
  url: string;
  port: number;
  /** Every host asked for, oldest first. */
  asked: AskedHost[];
}

/** Starts a proxy on a free loopback port. */
export function startProxy(options: ProxyOptions): TestProxy {
  const { hosts, login } = options;
  const asked: AskedHost[] = [];
  const portOf = typeof hosts === "function"
    ? hosts
    : (host: string): number | undefined => hosts[host];
  const wanted = login && `Basic ${btoa(`${login.user}:${login.password}`)}`;

  const serve = async (client: Deno.TcpConn): Promise<void> => {
    const request = await readHead(client);
    const target = request && parseTarget(request.line);
    if (request === undefined || target === undefined) return await say(client, "400 Bad Request");
    const { host, port, kind } = target;
    const record: AskedHost = { host, port, kind, status: 200 };
    asked.push(record);
    if (wanted !== undefined && header(request.headers, "proxy-authorization") !== wanted) {
      record.status = 407;
      return await say(
        client,
        "407 Proxy Authentication Required",
        'Proxy-Authenticate: Basic realm="test proxy"\r\n',
      );
    }
    const local = portOf(host, port);
    if (local === undefined) {
      record.status = 502;
      return await say(client, "502 Bad Gateway");
    }
    const server = await Deno.connect({ hostname: "127.0.0.1", port: local });
    if (kind === "connect") {
      await writeAll(client, encoder.encode("HTTP/1.1 200 Connection established\r\n\r\n"));
    } else {
      // one request a connection, or the next one could be for another host
      const kept = request.headers.filter((line) => !/^(proxy-|connection:)/i.test(line));
      const head = [target.line, ...kept, "Connection: close", "", ""].join("\r\n");
      await writeAll(server, encoder.encode(head));
    }
    await writeAll(server, request.rest);
    await join(client, server);
  };

  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = acceptConnections(listener, serve);
  const { port } = listener.addr;
  const user = login === undefined
    ? ""
    : `${encodeURIComponent(login.user)}:${encodeURIComponent(login.password)}@`;
  return {
    url: `http://${user}127.0.0.1:${port}`,
    port,
    asked,
    [Symbol.asyncDispose]: () => accepting[Symbol.asyncDispose](),
  };
}

const encoder = new TextEncoder();

interface Head {
  line: string;
  headers: string[];
  /** What came after the head. */
  rest: Uint8Array;
}

async function readHead(client: Deno.TcpConn): Promise<Head | undefined> {
  let bytes = new Uint8Array(0);
  const buffer = new Uint8Array(16 * 1024);
  for (;;) {
    const count = await client.read(buffer);
    if (count === null) return undefined;
    bytes = new Uint8Array([...bytes, ...buffer.subarray(0, count)]);
    // latin1 keeps one character a byte, so that the index is one into the bytes too
    const end = new TextDecoder("latin1").decode(bytes).indexOf("\r\n\r\n");
    if (end < 0) continue;
    const [line = "", ...headers] = new TextDecoder().decode(bytes.subarray(0, end)).split("\r\n");
    return { line, headers, rest: bytes.subarray(end + 4) };
  }
}

interface Target {
  host: string;
  port: number;
  kind: AskedHost["kind"];
  /** The request line for the server itself. */
  line: string;
}

function parseTarget(line: string): Target | undefined {
  const [method = "", uri = "", version = ""] = line.split(" ");
  const connect = method === "CONNECT";
  const text = connect ? `https://${uri}` : uri;
  if (!URL.canParse(text)) return undefined;
  const { hostname, port, pathname, search, protocol } = new URL(text);
  return {
    host: hostname,
    port: Number(port) || (protocol === "https:" ? 443 : 80),
    kind: connect ? "connect" : "http",
    line: `${method} ${pathname}${search} ${version}`,
  };
}

function header(headers: string[], name: string): string | undefined {
  const line = headers.find((line) => line.toLowerCase().startsWith(`${name}:`));
  return line?.slice(name.length + 1).trim();
}

async function say(client: Deno.TcpConn, status: string, headers = ""): Promise<void> {
  const text = `HTTP/1.1 ${status}\r\n${headers}Content-Length: 0\r\nConnection: close\r\n\r\n`;
  await writeAll(client, encoder.encode(text));
}
