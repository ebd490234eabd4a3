/**
 * Many registries on loopback that take every password, to log in to with other programs.
 *
 * @module
 */

/** Running registries. Disposing stops them. */
export interface Registries extends AsyncDisposable {
  /** `127.0.0.1:PORT` of each. */
  readonly hosts: readonly string[];
}

/** Starts `count` registries on free ports. */
export function startRegistries(count: number): Registries {
  const servers = Array.from(
    { length: count },
    () =>
      Deno.serve(
        { hostname: "127.0.0.1", port: 0, onListen: () => {} },
        (request) =>
          request.headers.has("authorization") ? new Response() : new Response(null, {
            status: 401,
            headers: { "www-authenticate": 'Basic realm="test"' },
          }),
      ),
  );
  return {
    hosts: servers.map(({ addr }) => `127.0.0.1:${addr.port}`),
    async [Symbol.asyncDispose](): Promise<void> {
      await Promise.all(servers.map((server) => server.shutdown()));
    },
  };
}
