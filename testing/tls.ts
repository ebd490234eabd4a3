/**
 * A throw-away certificate authority and a server certificate for any names, made with `openssl`,
 * so that real clients talk TLS to `api.ecr.eu-west-1.amazonaws.com` on loopback.
 *
 * @module
 */

import type { Certificate } from "./loopback.ts";
import { missingPrograms } from "./programs.ts";

/** A server certificate, the authority that signed it, and where both are. */
export interface TestCertificate extends Certificate, AsyncDisposable {
  /** The authority's certificate as PEM. */
  ca: string;
  /** Paths of the same, for programs. */
  caFile: string;
  certFile: string;
  keyFile: string;
  /** The folder that holds them; removed by disposing. */
  folder: string;
}

/** The programs that {@linkcode makeCertificate} needs and this machine has not. */
export function available(): string[] {
  return missingPrograms(["openssl"]);
}

/**
 * Makes a certificate for `names`, localhost and 127.0.0.1. It is valid for a day. A `*` stands for
 * one label: `*.dkr.ecr.eu-west-1.amazonaws.com`.
 */
export async function makeCertificate(names: string[] = []): Promise<TestCertificate> {
  const folder = await Deno.makeTempDir({ prefix: "ecrin-tls-" });
  const at = (name: string): string => `${folder}/${name}`;
  const [caFile, caKey, certFile, keyFile] = ["ca.crt", "ca.key", "server.crt", "server.key"].map(
    at,
  ) as [string, string, string, string];
  const alternatives = [...names, "localhost"].map((name) => `DNS:${name}`).concat("IP:127.0.0.1");
  await Deno.writeTextFile(
    at("openssl.cnf"),
    `[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
authorityKeyIdentifier = keyid
subjectAltName = ${alternatives.join(", ")}
`,
  );
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const config = ["-config", at("openssl.cnf")];
  // deno-fmt-ignore
  await openssl("req", "-x509", ...newKey, ...config, "-extensions", "authority", "-days", "1",
    "-subj", "/CN=ecrin test authority", "-keyout", caKey, "-out", caFile);
  // deno-fmt-ignore
  await openssl("req", ...newKey, ...config, "-subj", "/CN=ecrin test server", "-keyout", keyFile,
    "-out", at("server.csr"));
  // deno-fmt-ignore
  await openssl("x509", "-req", "-in", at("server.csr"), "-CA", caFile, "-CAkey", caKey,
    "-CAcreateserial", "-days", "1", "-extfile", at("openssl.cnf"), "-extensions", "server",
    "-out", certFile);
  return {
    ca: await Deno.readTextFile(caFile),
    cert: await Deno.readTextFile(certFile),
    key: await Deno.readTextFile(keyFile),
    caFile,
    certFile,
    keyFile,
    folder,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

async function openssl(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", { args }).output();
  if (!success) throw new Error(`openssl ${args[0]} failed: ${new TextDecoder().decode(stderr)}`);
}
