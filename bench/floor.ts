/**
 * What a login takes that does nothing but use the SDK and dax: no flags, no checks, no config
 * files, no report. ecrin cannot be faster than this.
 *
 * @module
 */

import { loadDax, loadEcr, loadFetchHandler } from "../deps.ts";

const { ECRClient, GetAuthorizationTokenCommand } = await loadEcr();
const { FetchHttpHandler } = await loadFetchHandler();
const { AWS_ACCESS_KEY_ID = "", AWS_SECRET_ACCESS_KEY = "", AWS_ENDPOINT_URL = "" } = Deno.env
  .toObject();
const client = new ECRClient({
  region: "eu-west-1",
  endpoint: AWS_ENDPOINT_URL,
  requestHandler: new FetchHttpHandler(),
  credentials: { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY },
});
const { authorizationData } = await client.send(new GetAuthorizationTokenCommand({}));
const { authorizationToken = "", proxyEndpoint = "" } = authorizationData?.[0] ?? {};
const { default: $ } = await loadDax();
const { host } = new URL(proxyEndpoint);
await $`docker login --username AWS --password-stdin ${host}`
  .stdinText(atob(authorizationToken).slice("AWS:".length))
  .quiet();
Deno.exit(0);
