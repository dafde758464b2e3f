/** OCI layouts for tests: one small image, right or wrong. */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** In hexadecimal digits. */
export const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');

/**
 * Writes an OCI layout of one layer.
 * @param change changes its files before they are written, under the digests that they had
 * @param settings the image's configuration: `Cmd`, `Labels` and so on
 * @returns the digest of its manifest
 */
export function writeLayout(
  folder: string,
  change: (files: Record<string, string | Buffer>) => void = () => {},
  settings: object = {},
): string {
  const blobs = join(folder, 'blobs/sha256');
  mkdirSync(blobs, { recursive: true });
  const layer = Buffer.alloc(10240);
  const config = JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    config: settings,
    rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
  });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: `sha256:${sha256(config)}`,
      size: config.length,
    },
    layers: [
      {
        mediaType: 'application/vnd.oci.image.layer.v1.tar',
        digest: `sha256:${sha256(layer)}`,
        size: layer.length,
      },
    ],
  });
  const index = JSON.stringify({
    schemaVersion: 2,
    manifests: [
      {
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        digest: `sha256:${sha256(manifest)}`,
        size: manifest.length,
      },
    ],
  });
  const files: Record<string, string | Buffer> = { layer, config, manifest, index };
  change(files);
  writeFileSync(join(blobs, sha256(layer)), files['layer']!);
  writeFileSync(join(blobs, sha256(config)), files['config']!);
  writeFileSync(join(blobs, sha256(manifest)), files['manifest']!);
  writeFileSync(join(folder, 'index.json'), files['index']!);
  return `sha256:${sha256(manifest)}`;
}
