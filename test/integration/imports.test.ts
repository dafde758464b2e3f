/** Disks of others become images: from files, web servers and S3, whole or not at all. No machine is booted. */
import { CancelImageCreationCommand, GetImageCommand, RetryImageCommand } from '@aws-sdk/client-imagebuilder';
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { until } from '../../src/platform/clock.ts';
import { run } from '../../src/platform/processes.ts';
import { sharedBase } from '../harness/base.ts';
import { startFileServer, type FileServer } from '../harness/file-server.ts';
import type { HostState } from '../harness/host-state.ts';
import { fileOf } from '../harness/invariants.ts';
import { createTestImage, outputOf, waitForStatus, waitUntilAvailable } from '../harness/images.ts';
import { imageLog, ingot, startServer, type TestServer } from '../harness/service.ts';
import { makeSmallDisk, sha256Of } from '../harness/small-disks.ts';
import { beginOnDirectory, endOnServer } from '../harness/suite.ts';

const WRITE =
  'name: t\nschemaVersion: 1.0\nphases:\n  - name: build\n    steps:\n      - name: Run\n        action: ' +
  'ExecuteBash\n        inputs:\n          commands:\n            - . /etc/os-release; echo "this is $ID ' +
  '$VERSION_ID"\n';

describe('imports', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-imports-'));
  let state: HostState;
  let dataDirectory: string;
  let server: TestServer;
  let web: FileServer;

  before(async () => {
    web = await startFileServer();
    ({ state, dataDirectory } = await beginOnDirectory());
    // The server asks S3 with what it finds in its environment.
    Object.assign(process.env, {
      AWS_ACCESS_KEY_ID: 'AKIDTEST',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_REGION: 'eu-west-1',
      AWS_ENDPOINT_URL_S3: web.address,
    });
    server = await startServer(dataDirectory);
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_REGION', 'AWS_ENDPOINT_URL_S3'])
      delete process.env[name];
  });

  after(async () => {
    await web.close();
    await endOnServer({ state, dataDirectory, server });
    rmSync(folder, { recursive: true, force: true });
  });

  const path = (name: string): string => join(folder, name);
  const layers = (): readonly string[] => readdirSync(join(dataDirectory, 'layers')).sort();

  /** Imports, and gives the image and the AMI. */
  async function imported(
    ...args: readonly string[]
  ): Promise<{ readonly arn: string; readonly ami: string; readonly log: string }> {
    const { code, stdout, stderr } = await ingot(dataDirectory, ['import', ...args]);
    assert.equal(code, 0, stderr);
    const [arn, ami] = stdout.trim().split('\n');
    return { arn: arn!, ami: ami!, log: stderr };
  }

  /** Failed imports: nothing of them is left. */
  async function refused(message: RegExp, ...args: readonly string[]): Promise<void> {
    const before = layers();
    const { code, stderr } = await ingot(dataDirectory, ['import', ...args]);
    assert.equal(code, 1, stderr);
    assert.match(stderr, message);
    assert.deepEqual(layers(), before);
    assert.deepEqual(existsSync(join(dataDirectory, 'work')) ? readdirSync(join(dataDirectory, 'work')) : [], []);
  }

  /** The disk of an AMI holds what a disk holds. */
  async function assertSame(ami: string, disk: string, format: string): Promise<void> {
    await run(['qemu-img', 'compare', '-q', '-f', format, '-F', 'qcow2', disk, fileOf(dataDirectory, ami)]);
  }

  test('a real disk as VMDK, trusted: it is built on in a container, and its copy is byte for byte the disk', async () => {
    const disk = path('debian.vmdk');
    await run(['qemu-img', 'convert', '-q', '-f', 'qcow2', '-O', 'vmdk', await sharedBase(), disk]);
    const { arn, ami, log } = await imported(
      disk,
      '--sha256',
      sha256Of(disk).toUpperCase(),
      '--os-version',
      'Debian 12',
      '--trusted',
      '--description',
      'the golden disk',
    );
    assert.match(arn, /:image\/debian\/1\.0\.0\/1$/);
    assert.match(log, /sha256 [0-9a-f]{64}, as expected/);
    assert.match(log, /debian\.vmdk: vmdk, 3\.0 GiB to a machine/);
    await assertSame(ami, disk, 'vmdk');
    const { image } = await server.client.send(new GetImageCommand({ imageBuildVersionArn: arn }));
    assert.deepEqual(
      [image!.buildType, image!.imageSource, image!.osVersion, image!.outputResources!.amis![0]!.description],
      ['IMPORT', 'IMPORTED', 'Debian 12', 'the golden disk'],
    );

    const built = await createTestImage(server, { name: 'on-trusted', parent: ami, components: [WRITE] });
    await waitUntilAvailable(server, built);
    assert.ok((await outputOf(server, built)).includes('this is debian 12'));
    assert.match(
      (await imageLog(dataDirectory, built)).map(({ text }) => text).join('\n'),
      /build instance, t3\.small, driver nspawn/,
    );
    rmSync(disk);
  });

  test('a real disk as it is, untrusted: it goes to a virtual machine, and nowhere else', async () => {
    const disk = path('stranger.raw');
    await run(['qemu-img', 'convert', '-q', '-f', 'qcow2', '-O', 'raw', await sharedBase(), disk]);
    const { arn, log } = await imported(
      disk,
      '--name',
      'red-hat-enterprise-linux-9-x86',
      '--os-version',
      'Red Hat Enterprise Linux 9',
    );
    assert.match(log, /no checksum was given to compare it with/);
    assert.match(log, /not trusted: images are built on it in virtual machines/);
    rmSync(disk);
    const managed = 'arn:aws:imagebuilder:us-east-1:aws:image/red-hat-enterprise-linux-9-x86/x.x.x';
    const forced = await waitForStatus(
      server,
      await createTestImage(server, { name: 'forced', parent: managed, components: [WRITE], driver: 'nspawn' }),
    );
    assert.equal(forced.state!.status, 'FAILED');
    assert.match(
      forced.state!.reason!,
      /names the driver 'nspawn', and the image is built in a virtual machine: its parent image is a disk that was imported.*--trusted/,
    );

    const building = await createTestImage(server, { name: 'on-stranger', parent: managed, components: [WRITE] });
    const said = async (): Promise<string> =>
      (await imageLog(dataDirectory, building)).map(({ text }) => text).join('\n');
    await until(
      'the build instance',
      60_000,
      async () => /driver qemu \(its parent image is a disk that was imported/.test(await said()) || undefined,
      { everyMs: 100 },
    );
    await server.client.send(new CancelImageCreationCommand({ imageBuildVersionArn: building } as never));
    await waitForStatus(server, building);
    assert.match(await said(), new RegExp(`red-hat-enterprise-linux-9-x86 was imported as ${arn}`));
  });

  test('every format that is taken comes out as it went in', async () => {
    for (const [format, options = ''] of [
      ['qcow2'],
      ['qcow'],
      ['qed'],
      ['vmdk'],
      ['vmdk', 'subformat=streamOptimized'],
      ['vpc', 'subformat=dynamic,force_size=on'],
      ['vpc', 'subformat=fixed,force_size=on'],
      ['vhdx'],
      ['vdi'],
      ['raw'],
    ] as const) {
      const disk = path(`small.${format}`);
      await makeSmallDisk(disk, format, options);
      const { ami, log } = await imported(disk, '--name', `small-${format}`);
      assert.match(log, new RegExp(`small\\.${format}: ${format}, `));
      await assertSame(ami, disk, format);
    }
  });

  test('a disk with a backing file, or a file that is not a disk, is refused and leaves nothing', async () => {
    const small = path('whole.qcow2');
    await makeSmallDisk(small, 'qcow2');
    await run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', '/etc/passwd', path('over.qcow2'), '8M']);
    await run([
      'qemu-img',
      'create',
      '-q',
      '-f',
      'qcow2',
      '-o',
      `data_file=${path('data')}`,
      path('elsewhere.qcow2'),
      '8M',
    ]);
    writeFileSync(
      path('flat.vmdk'),
      '# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="monolithicFlat"\nRW 16384 FLAT ' +
        '"/etc/shadow" 0\n',
    );
    writeFileSync(path('text.raw'), 'root:x:0:0\n'.repeat(1000));
    // A qcow2 header and nothing behind it.
    await run(['dd', `if=${small}`, `of=${path('cut.qcow2')}`, 'bs=512', 'count=1', 'status=none']);
    await run(['qemu-img', 'create', '-q', '-f', 'qcow2', path('huge.qcow2'), '3T']);
    await run(['qemu-img', 'create', '-q', '-f', 'qcow2', path('empty.qcow2'), '8M']);
    for (const [file, message] of [
      ['over.qcow2', /over\.qcow2 cannot be imported\. This qcow2 disk has a backing file/],
      ['elsewhere.qcow2', /keeps its data in another file/],
      ['flat.vmdk', /is a description of other files/],
      ['text.raw', /not a bootable disk/],
      ['cut.qcow2', /cut\.qcow2 cannot be imported/],
      ['huge.qcow2', /Its virtual size is \d+ bytes; from 1048576 to 2199023255552 are allowed/],
      ['empty.qcow2', /no boot record/],
    ] as const)
      await refused(message, path(file));
    await refused(
      /has the sha256 [0-9a-f]{64}, but 0{64} was expected.*It was not used/,
      small,
      '--sha256',
      '0'.repeat(64),
    );
    assert.equal((await ingot(dataDirectory, ['import', path('nothing.qcow2')])).code, 2);
  });

  test('from a web server: whole, redirected; cut off, changed or not there it is nothing', async () => {
    const disk = path('web.qcow2');
    const sha256 = await makeSmallDisk(disk, 'qcow2');
    web.files.set('/disk.qcow2', { content: { path: disk } });
    web.files.set('/moved.qcow2', { redirect: '/disk.qcow2' });
    web.files.set('/cut.qcow2', { content: { path: disk }, cutAfter: 100_000 });
    const { ami, arn } = await imported(`${web.address}moved.qcow2?token=secret`, '--sha256', sha256);
    assert.match(arn, /:image\/moved\/1\.0\.0\/1$/);
    await assertSame(ami, disk, 'qcow2');
    assert.doesNotMatch(JSON.stringify(await imageLog(dataDirectory, arn)), /token=secret/);
    await refused(/broke off after \d+ of \d+ bytes/, `${web.address}cut.qcow2`, '--sha256', sha256);
    await refused(/nothing\.qcow2 answered 404/, `${web.address}nothing.qcow2`, '--sha256', sha256);
    await refused(/has the sha256 .* was expected/, `${web.address}disk.qcow2`, '--sha256', 'f'.repeat(64));
    const { code, stderr } = await ingot(dataDirectory, ['import', `${web.address}disk.qcow2`]);
    assert.deepEqual([code, /over http can be changed on its way: give its --sha256/.test(stderr)], [2, true], stderr);
  });

  test('--progress shows as much as is asked for, and deregister by the name deletes the disk', async () => {
    const disk = path('shown.qcow2');
    await makeSmallDisk(disk, 'qcow2');
    const quiet = await ingot(dataDirectory, ['import', disk, '--progress', 'quiet']);
    assert.deepEqual([quiet.code, quiet.stderr], [0, '']);
    const [arn, ami] = quiet.stdout.trim().split('\n') as [string, string];
    assert.match(`${arn} ${ami}`, /image\/shown\/1\.0\.0\/1 ami-[0-9a-f]{17}$/);
    const lines = (await ingot(dataDirectory, ['import', disk, '--progress', 'json'])).stdout.trim().split('\n');
    assert.equal((JSON.parse(lines.at(-1)!) as { type: string }).type, 'result');
    const wrong = await ingot(dataDirectory, ['import', disk, '--progress', 'loud']);
    assert.deepEqual([wrong.code, /invalid value 'loud' for --progress/.test(wrong.stderr)], [2, true], wrong.stderr);

    const before = layers();
    const { code, stdout, stderr } = await ingot(dataDirectory, ['deregister', 'shown/1.0.0/1']);
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`^${ami} deregistered in \\S+, \\S+ \\w+ freed\\n$`));
    assert.equal(layers().length, before.length - 1);
    assert.equal((await ingot(dataDirectory, ['deregister', 'shown/1.0.0/1'])).code, 1);
  });

  test('from S3, signed with what the server finds', async () => {
    const disk = path('s3.qcow2');
    await makeSmallDisk(disk, 'qcow2');
    web.files.set('/images/golden/disk.qcow2', { content: { path: disk } });
    const { ami } = await imported('s3://images/golden/disk.qcow2');
    await assertSame(ami, disk, 'qcow2');
    const asked = web.requests.find((each) => each.path === '/images/golden/disk.qcow2')!;
    assert.match(
      asked.headers['authorization']!,
      /^AWS4-HMAC-SHA256 Credential=AKIDTEST\/\d{8}\/eu-west-1\/s3\/aws4_request/,
    );
    await refused(/answered 404/, 's3://images/golden/none.qcow2');
  });

  test('an import goes on after a server that died half-way; one that failed is tried again', async () => {
    const disk = path('again.qcow2');
    const sha256 = await makeSmallDisk(disk, 'qcow2');
    web.files.set('/again.qcow2', { content: { path: disk }, stallAfter: 65_536 });
    const before = layers();
    let printed = '';
    const importing = ingot(dataDirectory, ['import', `${web.address}again.qcow2`, '--sha256', sha256, '--json'], {
      onStdout: (chunk) => {
        printed += chunk.toString();
      },
    });
    // Whoever was not answered yet knows of no image, and cannot wait for it.
    await until('the command to follow its image', 60_000, () => printed.includes('\n') || undefined);
    const fetched = await until(
      'the transfer to begin',
      60_000,
      async () => {
        const work = join(dataDirectory, 'work');
        return existsSync(work)
          ? readdirSync(work)
              .map((name) => join(work, name, 'fetched'))
              .find((file) => existsSync(file))
          : undefined;
      },
      { everyMs: 50 },
    );
    await server.kill();
    assert.ok(existsSync(fetched));
    web.files.set('/again.qcow2', { content: { path: disk } });
    server = await startServer(dataDirectory);
    const { code } = await importing;
    const last = JSON.parse(printed.trim().split('\n').at(-1)!) as { status: string; image: string };
    assert.deepEqual([code, last.status], [0, 'AVAILABLE'], printed);
    const whole = await waitUntilAvailable(server, last.image);
    await assertSame(whole.outputResources!.amis![0]!.image!, disk, 'qcow2');
    assert.equal(layers().length, before.length + 1);
    assert.deepEqual(readdirSync(join(dataDirectory, 'work')), []);

    web.files.set('/later.qcow2', { content: 'not yet the disk' });
    const refusal = await ingot(dataDirectory, ['import', `${web.address}later.qcow2`, '--sha256', sha256, '--json']);
    const failed = JSON.parse(refusal.stdout.trim().split('\n').at(-1)!) as { image: string; reason: string };
    assert.equal(refusal.code, 1);
    assert.match(failed.reason, new RegExp(sha256));
    web.files.set('/later.qcow2', { content: { path: disk } });
    await server.client.send(new RetryImageCommand({ imageBuildVersionArn: failed.image } as never));
    const image = await waitUntilAvailable(server, failed.image);
    await assertSame(image.outputResources!.amis![0]!.image!, disk, 'qcow2');
  });
});
