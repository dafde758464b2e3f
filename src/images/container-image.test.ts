import { deepEqual, equal, rejects } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { writeImage, type WrittenLayer } from './container-image.ts';

const folder = mkdtempSync(join(tmpdir(), 'ingot-image-'));
after(() => rmSync(folder, { recursive: true }));
const digestOf = (content: string | Buffer): string => `sha256:${createHash('sha256').update(content).digest('hex')}`;
let rounds = 0;

/** A layout as skopeo writes it, of uncompressed layers. */
function layoutOf(layers: readonly Buffer[], more: object = {}, diffIds = layers.map(digestOf)): string {
  const layout = join(folder, `layout-${++rounds}`);
  mkdirSync(join(layout, 'blobs/sha256'), { recursive: true });
  const put = (content: string | Buffer, mediaType: string) => {
    const digest = digestOf(content);
    writeFileSync(join(layout, 'blobs/sha256', digest.slice(7)), content);
    return { mediaType, digest, size: content.length };
  };
  const config = put(
    JSON.stringify({ created: '2026-12-01T00:00:00.5Z', rootfs: { type: 'layers', diff_ids: diffIds }, ...more }),
    'c',
  );
  const manifest = put(JSON.stringify({ config, layers: layers.map((layer) => put(layer, 'l')) }), 'm');
  writeFileSync(join(layout, 'index.json'), JSON.stringify({ manifests: [manifest] }));
  return layout;
}

const place = (): string => join(folder, `data-${++rounds}`);
const read = (data: string, digest: string): Buffer => readFileSync(join(data, 'containers/sha256', digest.slice(7)));

test('layers are compressed, each once, and known ones are not even read', async () => {
  const [one, two] = [Buffer.alloc(5000, 1), Buffer.alloc(9000, 2)];
  const data = place();
  const first = await writeImage(data, layoutOf([one, two, one]), new Map(), { labels: { a: 'b' } });
  deepEqual(
    first.manifest.layers.map(({ digest }) => gunzipSync(read(data, digest))),
    [one, two, one],
  );
  equal(readdirSync(join(data, 'containers/sha256')).length, 4);
  const config = JSON.parse(read(data, first.manifest.config.digest).toString()) as { config: { Labels: object } };
  deepEqual(config.config.Labels, { 'org.opencontainers.image.created': '2026-12-01T00:00:00.5Z', a: 'b' });

  const known = new Map<string, WrittenLayer>(first.layers.map((layer) => [layer.diffId, layer]));
  const layout = layoutOf([one, two]);
  for (const layer of [one, two]) writeFileSync(join(layout, 'blobs/sha256', digestOf(layer).slice(7)), '');
  const second = await writeImage(data, layout, known, { labels: {} });
  deepEqual(second.manifest.layers, first.manifest.layers.slice(0, 2));
});

test('an image cannot take a layer by its digest that the data directory has of another account', async () => {
  const data = place();
  const layer = Buffer.alloc(5000, 3);
  await writeImage(data, layoutOf([layer]), new Map(), { labels: {} });
  const claims = layoutOf([layer]);
  writeFileSync(join(claims, 'blobs/sha256', digestOf(layer).slice(7)), '');
  await rejects(writeImage(data, claims, new Map(), { labels: {} }), /does not have the content/);
});

test('what differs between two builds of the same goes, and so do the values of arguments', async () => {
  const by = '|3 A=x y EPOCH=1 OTHER=z /bin/sh -c true';
  const history = [{ created: '2026-12-01T00:00:00Z', created_by: by, comment: 'FROM 0123456789ab' }];
  const data = place();
  const { manifest } = await writeImage(data, layoutOf([Buffer.alloc(10240)], { history }), new Map(), {
    labels: {},
    epoch: 1_700_000_000,
    buildArguments: { A: 'x y', EPOCH: '1' },
  });
  const config = JSON.parse(read(data, manifest.config.digest).toString()) as Record<string, unknown>;
  equal(config['created'], '2023-11-14T22:13:20Z');
  deepEqual(config['history'], [{ created: '2023-11-14T22:13:20Z', created_by: '|1 OTHER=z /bin/sh -c true' }]);
});

test('a layer with another content, or that the configuration does not name, is refused, and nothing stays', async () => {
  const data = place();
  const layout = layoutOf([Buffer.alloc(100)]);
  writeFileSync(join(layout, 'blobs/sha256', digestOf(Buffer.alloc(100)).slice(7)), 'other');
  await rejects(writeImage(data, layout, new Map(), { labels: {} }), /does not have the content/);
  deepEqual(readdirSync(join(data, 'containers/sha256')), []);
  await rejects(
    writeImage(data, layoutOf([Buffer.alloc(100)], {}, [digestOf('x')]), new Map(), { labels: {} }),
    /does not name the layers/,
  );
  await rejects(
    writeImage(data, layoutOf([], { rootfs: { diff_ids: ['../x'] } }), new Map(), { labels: {} }),
    /no rootfs\.diff_ids/,
  );
});
