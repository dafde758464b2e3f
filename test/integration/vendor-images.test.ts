/**
 * Base images of vendors, fetched from a server of the tests' own with checksums and keys of their making. None of it
 * was run against the vendors themselves.
 */
import { CancelImageCreationCommand } from '@aws-sdk/client-imagebuilder';
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createHash } from 'node:crypto';
import type { VendorDisk } from '../../src/images/publishers/vendor-disk.ts';
import { vendorImage } from '../../src/images/publishers/vendor-image.ts';
import { until } from '../../src/platform/clock.ts';
import { findProgram } from '../../src/platform/files.ts';
import { memoryRecorder } from '../../src/platform/held.ts';
import { run } from '../../src/platform/processes.ts';
import { startFileServer, type FileServer } from '../harness/file-server.ts';
import { createTestImage, waitForStatus } from '../harness/images.ts';
import { imageLog, startServer } from '../harness/service.ts';
import { makeSmallDisk, sha256Of } from '../harness/small-disks.ts';
import { beginOnDirectory, endOnServer } from '../harness/suite.ts';

const HELLO = 'arn:aws:imagebuilder:us-east-1:aws:component/hello-world-linux/x.x.x';
const FILE = 'noble-server.img';
const noGpg =
  findProgram('gpg') === undefined || findProgram('gpgv') === undefined ? 'gpg and gpgv are not installed here' : false;

describe("a disk on its vendor's server", () => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-vendor-'));
  const disk = join(folder, 'disk.qcow2');
  const target = join(folder, 'target', 'base.qcow2');
  let web: FileServer;
  let sha256: string;
  let good: { readonly fingerprint: string; readonly key: string };
  let other: { readonly fingerprint: string; readonly key: string };

  before(async () => {
    web = await startFileServer();
    sha256 = await makeSmallDisk(disk, 'qcow2');
    if (noGpg !== false) return;
    good = await makeKey('good');
    other = await makeKey('other');
  });
  after(async () => {
    await web.close();
    for (const name of ['good', 'other'])
      await run(['gpgconf', '--homedir', join(folder, name), '--kill', 'all'], { okCodes: 'any' }).catch(() => {});
    rmSync(folder, { recursive: true, force: true });
  });

  async function gpg(who: string, ...args: readonly string[]): Promise<string> {
    return (
      await run([
        'gpg',
        '--homedir',
        join(folder, who),
        '--batch',
        '--quiet',
        '--pinentry-mode',
        'loopback',
        '--passphrase',
        '',
        ...args,
      ])
    ).stdout;
  }

  async function makeKey(who: string): Promise<{ readonly fingerprint: string; readonly key: string }> {
    mkdirSync(join(folder, who), { mode: 0o700 });
    await gpg(who, '--quick-generate-key', `${who} <${who}@example.com>`, 'ed25519', 'sign', 'never');
    return {
      fingerprint: /^fpr:+([0-9A-F]{40}):/m.exec(await gpg(who, '--with-colons', '--list-keys'))![1]!,
      key: await gpg(who, '--armor', '--export'),
    };
  }

  async function sign(who: string, content: string): Promise<Buffer> {
    const file = join(folder, `${who}.content`);
    writeFileSync(file, content);
    await gpg(who, '--yes', '--output', `${file}.sig`, '--detach-sign', file);
    return readFileSync(`${file}.sig`);
  }

  /** The server with all in order: a folder of a release behind a redirect, as some vendors have it. */
  async function publish(sums = `${'0'.repeat(64)}  other.iso\n${sha256} *${FILE}\n`): Promise<void> {
    web.files.clear();
    web.files.set('/images/latest/SHA256SUMS', { redirect: '/images/24.04.1/SHA256SUMS' });
    web.files.set('/images/24.04.1/SHA256SUMS', { content: sums });
    web.files.set(`/images/24.04.1/${FILE}`, { content: { path: disk } });
    if (noGpg !== false) return;
    web.files.set('/images/24.04.1/SHA256SUMS.gpg', { content: await sign('good', sums) });
    web.files.set('/key', { content: good.key });
  }

  const vendorDisk = (more: Partial<VendorDisk> = {}): VendorDisk => ({
    vendor: 'ubuntu',
    address: `${web.address}images/`,
    folder: 'latest/',
    sums: 'SHA256SUMS',
    file: /^noble-server\.img$/,
    format: 'qcow2',
    ...more,
  });
  const signedBy = (fingerprint: string): Partial<VendorDisk> => ({
    signature: { file: 'SHA256SUMS.gpg', key: `${web.address}key`, fingerprints: [fingerprint] },
  });
  const texts: string[] = [];

  async function make(wanted: VendorDisk, more: object = {}): Promise<void> {
    texts.length = 0;
    const held = memoryRecorder('vendor');
    try {
      await vendorImage('noble', 'Ubuntu 24.04', wanted).make({
        target,
        workDirectory: join(folder, 'work'),
        held,
        report: ({ text }) => void texts.push(text),
        ...more,
      });
    } finally {
      assert.deepEqual(await held.list(), []);
      assert.ok(!existsSync(join(folder, 'work')));
    }
  }
  /** Nothing of it is used. */
  async function refused(message: RegExp, wanted: VendorDisk, more: object = {}): Promise<void> {
    rmSync(target, { force: true });
    await assert.rejects(make(wanted, more), { message });
    assert.ok(!existsSync(target));
  }

  test('comes as it was published', async () => {
    await publish();
    await make(vendorDisk());
    await run(['qemu-img', 'compare', '-q', '-f', 'qcow2', '-F', 'qcow2', disk, target]);
    assert.ok(
      texts.some((text) => /noble-server\.img: \d+ bytes, sha256 as published/.test(text)),
      texts.join('\n'),
    );
    assert.deepEqual(
      web.requests.map(({ path }) => path),
      ['/images/latest/SHA256SUMS', '/images/24.04.1/SHA256SUMS', `/images/24.04.1/${FILE}`],
    );
  });

  test("by BSD's form of checksums and by SHA-512", async () => {
    await publish(`# ${FILE}: 600 bytes\nSHA256 (${FILE}) = ${sha256}\n`);
    await make(vendorDisk());
    await publish(`${createHash('sha512').update(readFileSync(disk)).digest('hex')}  ${FILE}\n`);
    await make(vendorDisk());
    assert.ok(texts.some((text) => text.includes('sha512 as published')));
  });

  test('with another checksum it is not used', async () => {
    await publish(`${'a'.repeat(64)}  ${FILE}\n`);
    await refused(
      new RegExp(`has the sha256 ${sha256}, and its vendor publishes a{64}: it is damaged, or was replaced`),
      vendorDisk(),
    );
  });

  test('cut off, gone, or not named, it is not used', async () => {
    await publish();
    web.files.set(`/images/24.04.1/${FILE}`, { content: { path: disk }, cutAfter: 70_000 });
    await refused(/broke off after \d+ of \d+ bytes/, vendorDisk());
    web.files.delete(`/images/24.04.1/${FILE}`);
    await refused(/noble-server\.img answered 404/, vendorDisk());
    await publish(`${sha256}  jammy-server.img\n`);
    await refused(/names no file like .*it names jammy-server\.img/, vendorDisk());
    web.files.set('/images/latest/SHA256SUMS', { redirect: 'ftp://example.com/' });
    await refused(/redirects to ftp:.*not followed/, vendorDisk());
  });

  test('that lies over another file is not used, though its checksum is right', async () => {
    const evil = join(folder, 'evil.qcow2');
    await run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', '/etc/shadow', evil, '8M']);
    await publish(`${sha256Of(evil)}  ${FILE}\n`);
    web.files.set(`/images/24.04.1/${FILE}`, { content: { path: evil } });
    await refused(/has a backing file/, vendorDisk());
  });

  test('stops when its build gives up', async () => {
    await publish();
    web.files.set(`/images/24.04.1/${FILE}`, { content: { path: disk }, stallAfter: 70_000 });
    const controller = new AbortController();
    const making = refused(/given up/, vendorDisk(), { signal: controller.signal });
    await until('the transfer', 10_000, () => existsSync(join(folder, 'work', 'fetched')) || undefined, {
      everyMs: 20,
    });
    controller.abort(new Error('given up'));
    await making;
  });

  describe('signed', { skip: noGpg }, () => {
    test('comes, and the log names the key', async () => {
      await publish();
      await make(vendorDisk(signedBy(good.fingerprint)));
      assert.ok(
        texts.some((text) => text.endsWith(`SHA256SUMS is signed by the key ${good.fingerprint}`)),
        texts.join('\n'),
      );
    });

    test('by another key it is not used, whatever key the server gives', async () => {
      await publish();
      await refused(
        new RegExp(`is signed by the key ${good.fingerprint}, and not by ${other.fingerprint}`),
        vendorDisk(signedBy(other.fingerprint)),
      );
      web.files.set('/key', { content: other.key });
      await refused(
        /signature of .*SHA256SUMS is not valid \(it was made with the unexpected key [0-9A-F]+\)/,
        vendorDisk(signedBy(good.fingerprint)),
      );
    });

    test('with other content, without a signature or a key, it is not used', async () => {
      await publish();
      web.files.set('/images/24.04.1/SHA256SUMS', { content: `${sha256}  ${FILE}\n# changed\n` });
      await refused(/is not valid \(it is for different content\)/, vendorDisk(signedBy(good.fingerprint)));
      web.files.set('/images/24.04.1/SHA256SUMS.gpg', { content: 'nonsense' });
      await refused(/is not valid \(it cannot be read\)/, vendorDisk(signedBy(good.fingerprint)));
      web.files.delete('/images/24.04.1/SHA256SUMS.gpg');
      await refused(/SHA256SUMS\.gpg answered 404/, vendorDisk(signedBy(good.fingerprint)));
      await publish();
      web.files.set('/key', { content: '<html>' });
      await refused(/is not an OpenPGP public key/, vendorDisk(signedBy(good.fingerprint)));
    });

    test('at a mirror, by the key that the configuration names', async () => {
      await publish();
      const keyring = join(folder, 'mirror.asc');
      writeFileSync(keyring, good.key);
      const wanted = vendorDisk({ ...signedBy(other.fingerprint), address: 'https://vendor.invalid/images/' });
      await make(wanted, { vendors: { ubuntu: { address: `${web.address}images/`, keyring } } });
      writeFileSync(keyring, other.key);
      await refused(/is not valid/, wanted, { vendors: { ubuntu: { address: `${web.address}images/`, keyring } } });
    });
  });

  test('is fetched once by a server, and built on in a virtual machine', async () => {
    const suite = await beginOnDirectory();
    writeFileSync(join(suite.dataDirectory, 'config.yaml'), `vendors: {rocky: {address: '${web.address}rocky/'}}\n`);
    const name = 'Rocky-9-GenericCloud-Base.latest.x86_64.qcow2';
    web.files.clear();
    web.requests.length = 0;
    web.files.set(`/rocky/9/images/x86_64/${name}.CHECKSUM`, { content: `SHA256 (${name}) = ${'b'.repeat(64)}\n` });
    web.files.set(`/rocky/9/images/x86_64/${name}`, { content: { path: disk } });
    const server = await startServer(suite.dataDirectory);
    try {
      const parent = 'arn:aws:imagebuilder:us-east-1:aws:image/rocky-linux-9-x86/x.x.x';
      const wrong = await waitForStatus(
        server,
        await createTestImage(server, { name: 'wrong', parent, components: [HELLO] }),
      );
      assert.match(wrong.state!.reason!, /has the sha256 [0-9a-f]{64}, and its vendor publishes b{64}/);
      const before = readdirSync(join(suite.dataDirectory, 'layers'));

      web.files.set(`/rocky/9/images/x86_64/${name}.CHECKSUM`, { content: `SHA256 (${name}) = ${sha256}\n` });
      web.requests.length = 0;
      for (const attempt of [1, 2]) {
        const arn = await createTestImage(server, { name: `on-rocky-${attempt}`, parent, components: [HELLO] });
        const said = async (): Promise<string> =>
          (await imageLog(suite.dataDirectory, arn)).map(({ text }) => text).join('\n');
        await until(
          'the build instance',
          60_000,
          async () =>
            /driver qemu \(its parent image is a disk that was imported or fetched/.test(await said()) || undefined,
          { everyMs: 50 },
        );
        await server.client.send(new CancelImageCreationCommand({ imageBuildVersionArn: arn } as never));
        await waitForStatus(server, arn);
        assert.equal(
          /does not exist yet: it is fetched now \(Rocky Linux 9 as its vendor publishes it, from https:\/\/dl\.rockylinux\.org\/pub\/rocky\/\), once/.test(
            await said(),
          ),
          attempt === 1,
          await said(),
        );
      }
      assert.equal(web.requests.length, 2);
      assert.equal(readdirSync(join(suite.dataDirectory, 'layers')).length, before.length + 1);
    } finally {
      await endOnServer({ ...suite, server });
    }
  });
});
