import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { updatesFor } from './outdated.ts';
import { rpmIndexes, rpmRepositories } from './rpm.ts';
import { repositoryFile, rpmPackageReader, securityUpdateReader } from './rpm-metadata.ts';

const rpm = (name: string, version: string, arch = 'x86_64'): string => {
  const [, epoch, ver, rel] = /^(\d+):(.*)-(.*)$/.exec(version)!;
  return `<package type="rpm">
  <name>${name}</name>
  <arch>${arch}</arch>
  <version epoch="${epoch}" ver="${ver}" rel="${rel}"/>
  <summary>not a <version/> of it &lt;name&gt;</summary>
</package>
`;
};
const PRIMARY = `<?xml version="1.0" encoding="UTF-8"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" packages="6">
${rpm('bash', '0:5.1.8-6.el9')}${rpm('bash', '0:5.1.8-9.el9')}${rpm('bash', '0:9.0-1.el9', 'i686')}
${rpm('bind', '32:9.16.23-18.el9', 'noarch')}${rpm('kernel', '0:5.14.0-503.el9')}${rpm('other', '0:1-1')}
</metadata>
`;
const update = (type: string, packages: string): string =>
  `<update from="x" status="final" type="${type}" version="2"><id>A</id><updated date="2026-01-01"/>` +
  `<pkglist><collection><name>c</name>${packages}</collection></pkglist></update>\n`;
const UPDATES =
  '<?xml version="1.0"?>\n<updates>\n' +
  update(
    'security',
    '<package arch="x86_64" epoch="0" name="bash" release="8.el9" src="s" version="5.1.8"><filename/></package>',
  ) +
  update('bugfix', '<package name="bind" version="9.16.23" release="18.el9" epoch="32" arch="noarch"/>') +
  '</updates>\n';

const NAMES = new Set(['bash', 'bind', 'kernel']);

test('primary metadata and updates are read, however they are split into pieces', () => {
  for (const size of [1, 7, 1000, 1 << 20]) {
    const [packages, security] = [rpmPackageReader(NAMES), securityUpdateReader(NAMES)];
    for (const [text, reader] of [
      [PRIMARY, packages],
      [UPDATES, security],
    ] as const)
      for (let at = 0; at < text.length; at += size) reader.read(Buffer.from(text.slice(at, at + size)));
    assert.deepEqual(
      [...packages.end()],
      [
        ['bash', '5.1.8-9.el9'],
        ['bind', '32:9.16.23-18.el9'],
        ['kernel', '5.14.0-503.el9'],
      ],
    );
    assert.deepEqual([...security.end()], [['bash', '5.1.8-8.el9']]);
  }
});

test('metadata without end is not buffered, and a repository does not lead out of itself', () => {
  const reader = rpmPackageReader(NAMES);
  for (let piece = 0; piece < 500; piece++) reader.read(Buffer.alloc(1 << 16, 'x'));
  reader.read(Buffer.from(rpm('bash', '0:1-1')));
  assert.deepEqual([...reader.end()], [['bash', '1-1']]);
  for (const href of ['../../etc/shadow', 'http://other.example/x', '/etc/shadow', 'repodata/../../x'])
    assert.equal(
      repositoryFile(
        `<data type="primary"><checksum type="sha256">${'a'.repeat(64)}</checksum><location href="${href}"/></data>`,
        'primary',
      ),
      undefined,
      href,
    );
});

test('which repositories a system has', () => {
  assert.deepEqual(
    rpmRepositories('Rocky 9.3')!.map(({ base }) => base),
    ['BaseOS', 'AppStream'].map((name) => `https://dl.rockylinux.org/pub/rocky/9/${name}/x86_64/os`),
  );
  assert.match(rpmRepositories('Amazon Linux 2023')![0]!.mirrors!, /^https:\/\//);
  for (const system of ['Debian 12', 'Rocky', 'Amazon Linux 2', '']) assert.equal(rpmRepositories(system), undefined);
});

describe('from a server', () => {
  const files = new Map<string, Buffer>();
  let server: Server;
  let base: string;
  before(async () => {
    server = createServer(({ url }, answer) => {
      const found = files.get(url ?? '');
      answer.writeHead(found === undefined ? 404 : 200).end(found);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const data = (type: string, name: string, content: Buffer): string => {
      files.set(`/os/repodata/${name}`, content);
      const sum = createHash('sha256').update(content).digest('hex');
      return (
        `<data type="${type}">\n  <checksum type="sha256">${sum}</checksum>\n  <open-checksum type="sha256">` +
        `${'0'.repeat(64)}</open-checksum>\n  <location href="repodata/${name}"/>\n</data>\n`
      );
    };
    files.set(
      '/os/repodata/repomd.xml',
      Buffer.from(
        `<?xml version="1.0"?>\n<repomd>${data('primary', '1-primary.xml.gz', gzipSync(PRIMARY))}` +
          `${data('updateinfo', '2-updateinfo.xml.gz', gzipSync(UPDATES))}</repomd>`,
      ),
    );
    files.set('/mirror.list', Buffer.from(`# mirrors\n${base}/os/\n`));
  });
  after(() => server.close());

  test('updates are listed, with those for security', async () => {
    const signal = AbortSignal.timeout(30_000);
    for (const place of [{ base: `${base}/os/` }, { mirrors: `${base}/mirror.list` }]) {
      const indexes = await rpmIndexes([{ name: 'BaseOS', ...place }], NAMES, signal);
      assert.deepEqual(
        updatesFor(
          [
            { name: 'bash', version: '5.1.8-6.el9' },
            { name: 'bind', version: '32:9.16.23-17.el9' },
            { name: 'kernel', version: '5.14.0-427.el9' },
            { name: 'kernel', version: '5.14.0-503.el9' },
          ],
          indexes,
        ),
        [
          { name: 'bash', installed: '5.1.8-6.el9', available: '5.1.8-9.el9', suite: 'BaseOS', security: true },
          {
            name: 'bind',
            installed: '32:9.16.23-17.el9',
            available: '32:9.16.23-18.el9',
            suite: 'BaseOS',
            security: false,
          },
        ],
        'the newest kernel is installed',
      );
    }
  });

  test('a file with another hash is refused', async () => {
    files.set('/os/repodata/2-updateinfo.xml.gz', gzipSync('<updates/>'));
    await assert.rejects(
      rpmIndexes([{ name: 'BaseOS', base: `${base}/os` }], NAMES, AbortSignal.timeout(30_000)),
      /2-updateinfo\.xml\.gz does not have the hash that repomd\.xml names/,
    );
  });
});
