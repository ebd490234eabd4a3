/**
 * The smallest image there is, as a folder that container tools read.
 *
 * @module
 */

/**
 * Writes an image without layers as an OCI layout, with the tag `1`.
 *
 * @returns the folder
 */
export async function writeImage(folder: string): Promise<string> {
  await Deno.mkdir(`${folder}/blobs/sha256`, { recursive: true });
  const config = await blob(folder, {
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: [] },
    config: {},
  });
  const mediaType = "application/vnd.oci.image.";
  const manifest = await blob(folder, {
    schemaVersion: 2,
    mediaType: `${mediaType}manifest.v1+json`,
    config: { mediaType: `${mediaType}config.v1+json`, ...config },
    layers: [],
  });
  const annotations = { "org.opencontainers.image.ref.name": "1" };
  await Deno.writeTextFile(
    `${folder}/index.json`,
    JSON.stringify({
      schemaVersion: 2,
      manifests: [{ mediaType: `${mediaType}manifest.v1+json`, ...manifest, annotations }],
    }),
  );
  await Deno.writeTextFile(`${folder}/oci-layout`, JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  return folder;
}

async function blob(folder: string, value: unknown): Promise<{ digest: string; size: number }> {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  await Deno.writeFile(`${folder}/blobs/sha256/${hash}`, bytes);
  return { digest: `sha256:${hash}`, size: bytes.length };
}
