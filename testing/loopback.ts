/**
 * An HTTP server on loopback whose connections a handler can break off, which `Deno.serve` alone
 * cannot: a TCP listener in front passes the bytes on to it and can close any connection.
 *
 * @module
 */

/** A certificate and its key as PEM text. */
export interface Certificate {
  cert: string;
  key: string;
}

/** The connection that a request came over. */
export interface Connection {
  /** Closes it without an answer, as a crashed server or a firewall does. */
  reset: () => void;
}

/** Answers one request. */
export type Handler = (request: Request, connection: Connection) => Response | Promise<Response>;

/** A running server. */
export interface LoopbackServer extends AsyncDisposable {
  port: number;
  /** `http://127.0.0.1:PORT`, or https with a certificate. */
  url: string;
}

/** Starts a server on a free port of 127.0.0.1: plain HTTP, or TLS with a certificate. */
export function serveLoopback(handler: Handler, tls?: Certificate): LoopbackServer {
  const connections = new Map<number, Deno.TcpConn>();
  const hostname = "127.0.0.1";
  const inner = Deno.serve(
    {
      hostname,
      port: 0,
      onListen: () => {},
      ...(tls === undefined ? {} : { cert: tls.cert, key: tls.key }),
    },
    (request, { remoteAddr }) =>
      handler(request, {
        reset: () => close(connections.get(remoteAddr.port)),
      }),
  );
  const listener = Deno.listen({ hostname, port: 0 });
  const front = acceptConnections(listener, async (client) => {
    const upstream = await Deno.connect({ hostname, port: inner.addr.port });
    connections.set(upstream.localAddr.port, client);
    await join(client, upstream);
    connections.delete(upstream.localAddr.port);
  });
  const { port } = listener.addr;
  return {
    port,
    url: `${tls === undefined ? "http" : "https"}://${hostname}:${port}`,
    async [Symbol.asyncDispose](): Promise<void> {
      await front[Symbol.asyncDispose]();
      await inner.shutdown();
    },
  };
}

/**
 * Serves every connection of `listener`. Disposing closes the listener and all connections, and
 * waits until their servers returned.
 */
export function acceptConnections(
  listener: Deno.TcpListener,
  serve: (connection: Deno.TcpConn) => Promise<void>,
): AsyncDisposable {
  const open = new Map<Deno.TcpConn, Promise<void>>();
  const accept = async (): Promise<void> => {
    for await (const connection of listener) {
      const ended = serve(connection)
        .catch(() => {}) // the other end went away: nobody to report to
        .finally(() => {
          close(connection);
          open.delete(connection);
        });
      open.set(connection, ended);
    }
  };
  const accepting = accept();
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      listener.close();
      await accepting;
      const ends = [...open.values()];
      for (const connection of open.keys()) close(connection);
      await Promise.all(ends);
    },
  };
}

/** Passes bytes between two connections until both directions ended, then closes both. */
export async function join(a: Deno.TcpConn, b: Deno.TcpConn): Promise<void> {
  // a TLS handshake is small pieces, and holding them back costs 40 ms each
  for (const connection of [a, b]) connection.setNoDelay();
  // when one direction breaks the other would wait for ever, so both are closed
  const copy = async (from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> => {
    try {
      const buffer = new Uint8Array(64 * 1024);
      for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
        await writeAll(to, buffer.subarray(0, count));
      }
      await to.closeWrite();
    } catch {
      close(a);
      close(b);
    }
  };
  await Promise.all([copy(a, b), copy(b, a)]);
  close(a);
  close(b);
}

/** Writes all of `bytes`. */
export async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

/** Closes a connection that may be closed already. */
export function close(connection: Deno.TcpConn | undefined): void {
  try {
    connection?.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
