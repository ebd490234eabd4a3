/**
 * The real registry program (`docker-registry`, of Debian's package of that name) with one user, on
 * loopback, for tests with real container tools that push and pull.
 *
 * @module
 */

import { missingPrograms } from "./programs.ts";

/** How the registry is made. */
export interface DockerRegistryOptions {
  /** Of user AWS. At most 72 bytes: bcrypt, the only hash that the program takes, reads no more. */
  password: string;
  /** Paths of a certificate and its key, for HTTPS. */
  tls?: { certFile: string; keyFile: string };
}

/** A running registry. Disposing stops it and removes its images. */
export interface DockerRegistry extends AsyncDisposable {
  url: string;
  /** `127.0.0.1:PORT` */
  host: string;
  port: number;
  /** What it logged so far. */
  log: () => string;
}

/** The programs that {@linkcode startDockerRegistry} needs and this machine has not. */
export function available(): string[] {
  return missingPrograms(["docker-registry", "htpasswd"]);
}

/** Starts the registry on a free loopback port and waits until it answers. */
export async function startDockerRegistry(options: DockerRegistryOptions): Promise<DockerRegistry> {
  const folder = await Deno.makeTempDir({ prefix: "ecrin-registry-" });
  try {
    return await start(folder, options);
  } catch (error) {
    await Deno.remove(folder, { recursive: true });
    throw error;
  }
}

async function start(folder: string, options: DockerRegistryOptions): Promise<DockerRegistry> {
  const { password, tls } = options;
  const bytes = new TextEncoder().encode(password).length;
  if (bytes > 72) throw new Error(`the password has ${bytes} bytes: more than the 72 of bcrypt`);
  await Deno.writeTextFile(`${folder}/htpasswd`, await htpasswd(password));
  const config = {
    version: "0.1",
    log: { level: "info", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: `${folder}/images` } },
    // port 0: the program picks a free one and logs it
    http: {
      addr: "127.0.0.1:0",
      ...(tls === undefined ? {} : { tls: { certificate: tls.certFile, key: tls.keyFile } }),
    },
    auth: { htpasswd: { realm: "ecrin test registry", path: `${folder}/htpasswd` } },
  };
  // JSON is YAML
  await Deno.writeTextFile(`${folder}/config.yml`, JSON.stringify(config));
  const process = new Deno.Command("docker-registry", {
    args: ["serve", `${folder}/config.yml`],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    env: { OTEL_TRACES_EXPORTER: "none" },
  }).spawn();

  let log = "";
  const port = Promise.withResolvers<number>();
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of process.stderr) {
      log += decoder.decode(chunk, { stream: true });
      const found = log.match(/listening on 127\.0\.0\.1:(\d+)/)?.[1];
      if (found !== undefined) port.resolve(Number(found));
    }
    port.reject(new Error(`docker-registry ended before it listened:\n${log}`));
  };
  const reading = read();
  try {
    const number = await port.promise;
    const host = `127.0.0.1:${number}`;
    return {
      url: `${tls === undefined ? "http" : "https"}://${host}`,
      host,
      port: number,
      log: () => log,
      async [Symbol.asyncDispose](): Promise<void> {
        process.kill("SIGKILL");
        await process.status;
        await reading;
        await Deno.remove(folder, { recursive: true });
      },
    };
  } catch (error) {
    await process.status;
    throw error;
  }
}

/** A line of an htpasswd file for user AWS; the password goes in by stdin, out of sight of `ps`. */
async function htpasswd(password: string): Promise<string> {
  const process = new Deno.Command("htpasswd", {
    // cost 4 is the least there is: every request of a test pays for it
    args: ["-B", "-C", "4", "-i", "-n", "AWS"],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(password));
  await writer.close();
  const { success, stdout } = await process.output();
  if (!success) throw new Error("htpasswd failed");
  return new TextDecoder().decode(stdout);
}
