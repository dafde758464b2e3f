/**
 * Bad days, provoked for real: each ends in one message that says what, where and what to do, and leaves nothing
 * behind. `docs/failures.md` is their page.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import { open, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CreateDistributionConfigurationCommand } from '@aws-sdk/client-imagebuilder';
import { randomUUID } from 'node:crypto';
import { until } from '../../src/platform/clock.ts';
import { isSameProcess, processStartTime, signalProcess, waitForExit } from '../../src/platform/processes.ts';
import { DataDirectoryBusy, startService } from '../../src/service/service.ts';
import { createTestImage, outputOf, waitForStatus, waitUntilAvailable, type TestImage } from '../harness/images.ts';
import { assertNothingLeft, hostState, type HostState } from '../harness/host-state.ts';
import { assertRecordsHold, filesIn, query } from '../harness/invariants.ts';
import { goesOnToItsEnd } from '../harness/killing.ts';
import { imageLog, ingot, placeBase, startServer, type TestServer } from '../harness/service.ts';
import { smallDisks, type SmallDisks } from '../harness/small-disk.ts';
import { bashDocument, buildUntil, processesWith, STAGES } from '../harness/stages.ts';
import { beginOnServer, endOnServer } from '../harness/suite.ts';

/** A component that misbehaves, and what the image's reason then says. */
interface BadDay {
  readonly what: string;
  readonly components: readonly string[];
  readonly reason: readonly RegExp[];
}

const CUT_OFF = ['set -e', 'ip route add blackhole 0.0.0.0/1', 'ip route add blackhole 128.0.0.0/1'];

const BAD_DAYS: readonly BadDay[] = [
  {
    what: 'powers the machine off',
    components: [bashDocument('PowerOff', ['echo going down', 'systemctl poweroff', 'sleep 60'])],
    reason: [
      /step 'PowerOff' \(ExecuteBash\)/,
      /i-[0-9a-f]+ powered itself off/,
      /going down/,
      /What to do: .*exit code 194/,
    ],
  },
  {
    what: 'powers the machine off at once',
    components: [bashDocument('PowerOff', ['systemctl poweroff --force --force', 'sleep 60'])],
    reason: [/powered itself off/, /What to do: /],
  },
  {
    what: 'fills its disk',
    components: [bashDocument('Fill', ['set -e', 'fallocate -l 100G /var/big'])],
    reason: [
      /step 'Fill'/,
      /No space left on device/,
      /What to do: The disk of the instance is full.*blockDeviceMappings/,
    ],
  },
  {
    what: 'starts processes until there may be no more',
    components: [bashDocument('Forks', ['ulimit -u 200', 'set -e', 'for i in $(seq 1 400); do sleep 100 & done'], 4)],
    reason: [/step 'Forks'/, /fork: .*Resource temporarily unavailable/, /What to do: .*16,384/],
  },
  {
    what: 'prints binary',
    components: [
      bashDocument('Binary', ['head -c 200K /dev/urandom', 'printf "\\n\\033[2J\\007\\000the end\\n"', 'exit 3']),
    ],
    reason: [/exit status 3/, /the end/],
  },
  {
    what: 'ignores signals',
    components: [
      bashDocument('Stubborn', ['trap "" TERM INT HUP QUIT', 'echo ignoring', 'while :; do sleep 1; done'], 3),
    ],
    reason: [
      /step Stubborn timed out: .* within the step's timeoutSeconds of 3/,
      /ignoring/,
      /What to do: .*timeoutSeconds/,
    ],
  },
  {
    what: 'deletes /bin/sh',
    components: [bashDocument('Remove', ['rm -f /bin/sh /usr/bin/sh /bin/dash /usr/bin/dash', 'echo gone'])],
    reason: [/step 'Remove'/, /no longer has a working \/bin\/sh/, /What to do: .*leave it in place/],
  },
  {
    what: 'deletes systemctl',
    components: [
      bashDocument('Remove', ['rm -f /bin/systemctl /usr/bin/systemctl /usr/bin/systemd-run', 'echo gone']),
      bashDocument('Next', ['echo next']),
    ],
    reason: [/step 'Next'/, /systemctl: not found/, /What to do: .*leave it in place/],
  },
  {
    what: 'starts a service that fails',
    components: [
      bashDocument('Start', [
        'set -e',
        'printf "[Service]\\nType=oneshot\\nExecStart=/bin/sh -c \'echo no such profile >&2; exit 3\'\\n" > ' +
          '/etc/systemd/system/web.service',
        'systemctl start web',
      ]),
    ],
    reason: [/Job for web\.service failed/, /Journal: no such profile\./],
  },
  {
    what: 'cannot reach the package mirror',
    components: [bashDocument('Install', [...CUT_OFF, 'apt-get update', 'apt-get install -y nginx-light'])],
    reason: [/step 'Install'/, /deb\.debian\.org/, /What to do: The instance cannot reach that server.*doctor/],
  },
  {
    what: 'has no DNS',
    components: [
      bashDocument('Fetch', [
        'set -e',
        'systemctl stop systemd-resolved',
        'curl --silent --show-error --noproxy "*" http://deb.debian.org/',
      ]),
    ],
    reason: [
      /step 'Fetch'/,
      /Could not resolve host: deb\.debian\.org/,
      /What to do: The instance cannot resolve that name.*doctor/,
    ],
  },
];

describe('a component that', { concurrency: 2 }, () => {
  let state: HostState;
  let dataDirectory: string;
  let server: TestServer;

  before(async () => void ({ state, dataDirectory, server } = await beginOnServer()));

  after(() => endOnServer({ state, dataDirectory, server }));

  for (const [index, { what, components, reason }] of BAD_DAYS.entries()) {
    test(what, { timeout: 120_000 }, async () => {
      const arn = await createTestImage(server, { name: `bad-day-${index}`, components });
      const image = await waitForStatus(server, arn);
      assert.equal(image.state?.status, 'FAILED');
      for (const part of reason) assert.match(image.state!.reason!, part);
      const last = (await imageLog(dataDirectory, arn)).at(-1)!;
      assert.equal(last.status, 'FAILED');
      assert.ok(last.text.endsWith(image.state!.reason!), 'the log ends with the reason');
      assert.doesNotMatch(image.state!.reason!, /[\x00-\x08\x0b-\x1f\x7f]/);
    });
  }

  test('leaves daemons: the build goes on and they end with it', { timeout: 120_000 }, async () => {
    const arn = await createTestImage(server, {
      name: 'daemons',
      components: [
        bashDocument('Daemons', [
          'nohup setsid sleep 1000 >/dev/null 2>&1 &',
          'nohup sleep 1001 &',
          'setsid sleep 1002 &',
          '(trap "" TERM; while :; do sleep 1; done) &',
          'echo left',
        ]),
      ],
    });
    await waitUntilAvailable(server, arn);
  });

  test('prints without end: the log keeps the beginning and the end, and says what is missing', {
    timeout: 120_000,
  }, async () => {
    const arn = await createTestImage(server, {
      name: 'prints',
      components: [
        bashDocument('Print', [
          'echo the beginning',
          'yes one line of many that are all alike and say nothing at all | head -c 40M',
          'echo',
          'echo the end',
          'exit 3',
        ]),
      ],
    });
    const image = await waitForStatus(server, arn);
    assert.match(image.state!.reason!, /exit status 3.*the end/);
    const output = await outputOf(server, arn);
    assert.ok(output.length < 110_000, `${output.length} lines`);
    assert.ok(output.includes('the beginning') && output.includes('the end'));
    assert.ok(
      (await imageLog(dataDirectory, arn)).some(({ text }) =>
        /^it printed \d+ lines \(4\d MB\); the log keeps the first/.test(text),
      ),
    );
  });

  test('is built when its storage daemon dies', { timeout: 120_000 }, async () => {
    const arn = await createTestImage(server, {
      name: 'storage',
      components: [bashDocument('Long', ['echo started', 'sleep 1000'])],
    });
    await until(
      'the component to run',
      60_000,
      async () => ((await outputOf(server, arn)).includes('started') ? true : undefined),
      { everyMs: 50 },
    );
    const id = (await imageLog(dataDirectory, arn))
      .map(({ text }) => /^(i-[0-9a-f]+): build instance/.exec(text)?.[1])
      .find((each) => each !== undefined)!;
    const pid = processesWith(['qemu-storage-daemon', id])[0]!;
    process.kill(pid, 'SIGKILL');
    const image = await waitForStatus(server, arn);
    assert.equal(image.state?.status, 'FAILED');
    for (const part of [/step 'Long'/, /the disk of i-[0-9a-f]+ is gone: its storage daemon ended/, /What to do: /])
      assert.match(image.state!.reason!, part);
  });

  test('lies on a damaged parent disk', { timeout: 120_000 }, async () => {
    const parent = await createTestImage(server, {
      name: 'to-be-damaged',
      components: [bashDocument('Write', ['echo written > /etc/written'])],
    });
    const ami = (await waitUntilAvailable(server, parent)).outputResources!.amis![0]!.image!;
    const file = amiFile(dataDirectory, ami);
    await truncate(file, Math.floor((await stat(file)).size / 2));
    const handle = await open(file, 'r+');
    await handle.write(Buffer.alloc(4096), 0, 4096, 0);
    await handle.close();
    const image = await waitForStatus(
      server,
      await createTestImage(server, {
        name: 'on-damaged',
        parent: ami,
        components: [bashDocument('Read', ['cat /etc/written'])],
      }),
    );
    assert.equal(image.state?.status, 'FAILED');
    for (const part of [
      /disk .* of the parent image cannot be used/,
      /not in qcow2 format/,
      new RegExp(file.split('/').at(-1)!),
      /build the parent image again/,
    ])
      assert.match(image.state!.reason!, part);
  });
});

describe('kill -9 of the worker alone', () => {
  let state: HostState;
  let dataDirectory: string;
  let server: TestServer;

  before(async () => void ({ state, dataDirectory, server } = await beginOnServer()));

  after(() => endOnServer({ state, dataDirectory, server }));

  // The boot test takes long: it is in test/long/kills.test.ts.
  for (const stage of STAGES.filter((each) => each !== 'boot test')) {
    test(`in its ${stage}: another worker goes on with the image`, { timeout: 120_000 }, async () => {
      const arn = await buildUntil(server, stage, `killed-in-${stage}`);
      const worker = processesWith(['worker-main', dataDirectory])[0]!;
      const startTime = processStartTime(worker)!;
      signalProcess(worker, startTime, 'SIGKILL');
      await waitForExit(worker, startTime, 10_000);

      await goesOnToItsEnd(server, arn, stage);
      assert.match(
        (await imageLog(dataDirectory, arn)).map(({ text }) => text).join('\n'),
        /^The worker process ended while it worked on this image .* It goes on from .*, with no other image beside it\.$/m,
      );
      assert.ok(isSameProcess(server.pid, processStartTime(server.pid)!), 'the server goes on');
      const log = readFileSync(join(dataDirectory, 'server.log'), 'utf8');
      assert.match(log, /"signal":"SIGKILL".*the worker ended; starting another/);
      await assertRecordsHold(dataDirectory);
    });
  }

  test('and the next build succeeds', { timeout: 120_000 }, async () => {
    await waitUntilAvailable(
      server,
      await createTestImage(server, { name: 'after-all', components: [bashDocument('Step', ['echo fine'])] }),
    );
  });

  test('a second server on the data directory says who has it', async () => {
    const { code, stdout, stderr } = await ingot(dataDirectory, ['serve', '--port', '0'], { timeoutMs: 60_000 });
    assert.notEqual(code, 0);
    for (const part of [dataDirectory, `pid ${server.pid}`, server.endpoint, './ingot stop'])
      assert.ok((stdout + stderr).includes(part), `${part} in ${stdout}${stderr}`);
    await assert.rejects(
      startService({ dataDirectory, host: '127.0.0.1', port: 0, version: 'test' }),
      DataDirectoryBusy,
    );
  });
});

describe('a template', () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'ingot-test-template-'));
  });

  after(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  const document = '{phases: [{name: build, steps: [{name: Restart, action: Reboot}]}], schemaVersion: 1.0}';
  const good =
    'Parameters:\n  Message: {Type: String, Default: hello}\nResources:\n  A:\n    Type: ' +
    'AWS::ImageBuilder::Component\n    Properties:\n      {Name: tool, Version: 1.0.0, Platform: Linux, ' +
    `Data: "${document}"}\n`;
  const faults: readonly [what: string, text: string, args: readonly string[], said: RegExp][] = [
    [
      'with an unknown type',
      'Resources:\n  R:\n    Type: AWS::ImageBuilder::ImagePipline\n',
      [],
      /template\.yaml:3:11 .*ImagePipline.*did you mean 'AWS::ImageBuilder::ImagePipeline'/,
    ],
    ['that is no YAML', 'Resources:\n  R: [\n', [], /template\.yaml:\d+:\d+ /],
    ['without the parameter that is given', good, ['--parameter', 'Mesage=1'], /no parameter 'Mesage'.*Message/],
  ];
  for (const [what, text, args, said] of faults) {
    test(`${what} is refused with its place, and no server is started unless it has something to check`, async () => {
      const file = join(folder, 'template.yaml');
      await writeFile(file, text);
      const { code, stderr } = await ingot(join(folder, 'data'), ['build', file, ...args], { timeoutMs: 60_000 });
      assert.equal(code, 2);
      assert.match(stderr.trim(), said);
      assert.equal(stderr.trim().split('\n').length, 1);
      const judged = text === good;
      assert.equal(filesIn(folder, 'data').includes('server.json'), judged);
      if (judged) await ingot(join(folder, 'data'), ['stop']);
    });
  }
});

describe('a full disk', () => {
  let state: HostState;
  let disks: SmallDisks;

  before(async () => {
    state = await hostState();
    disks = await smallDisks();
  });

  after(async () => {
    await disks.end();
    await assertNothingLeft(state, disks.folder);
  });

  /** Builds on a small disk and returns the failed image's reason, once nothing of the build is left there. */
  async function failedOn(
    dataDirectory: string,
    wanted: Omit<TestImage, 'name'>,
    regions: readonly string[] = ['us-east-1'],
  ): Promise<string> {
    const withDisk = await hostState();
    const server = await startServer(dataDirectory);
    try {
      const before = filesIn(dataDirectory, 'layers');
      const { distributionConfigurationArn } = await server.client.send(
        new CreateDistributionConfigurationCommand({
          name: 'full',
          clientToken: randomUUID(),
          distributions: regions.map((region) => ({
            region,
            amiDistributionConfiguration: { name: 'full {{ imagebuilder:buildDate }}' },
          })),
        }),
      );
      const image = await waitForStatus(
        server,
        await createTestImage(server, {
          name: 'full',
          distributionConfigurationArn: distributionConfigurationArn!,
          ...wanted,
        }),
      );
      assert.equal(image.state?.status, 'FAILED');
      const left = filesIn(dataDirectory, 'layers').filter((each) => !before.includes(each));
      // Layers of components that succeeded, and where the refusal left room, the disk that RetryImage takes up.
      const kept = query(dataDirectory, `SELECT id FROM amis WHERE state = 'failed' AND layer_id IS NOT NULL`);
      assert.ok(left.length <= wanted.components.length + kept.length, left.join(', '));
      return image.state!.reason!;
    } finally {
      await server.stop();
      await assertNothingLeft(withDisk, dataDirectory);
    }
  }

  async function withBase(dataDirectory: string): Promise<string> {
    await placeBase(dataDirectory);
    return dataDirectory;
  }

  test('while the base image is made: refused before anything is fetched', { timeout: 120_000 }, async () => {
    const reason = await failedOn(await disks.make('base', 300), { components: [bashDocument('Step', ['true'])] });
    for (const part of [/no space left on device/, /making a base image needs at least 2048 MiB/, /Make room there/])
      assert.match(reason, part);
  });

  test('before a build: refused', { timeout: 120_000 }, async () => {
    const reason = await failedOn(await withBase(await disks.make('before', 680)), {
      components: [bashDocument('Step', ['true'])],
    });
    for (const part of [/no space left on device/, /MiB (?:free|left)/, /Make room there/]) assert.match(reason, part);
  });

  test('while a component writes', { timeout: 120_000 }, async () => {
    const dataDirectory = await withBase(await disks.make('layer', 1000));
    const reason = await failedOn(dataDirectory, {
      components: [bashDocument('Write', ['set -e', 'dd if=/dev/urandom of=/var/big bs=1M count=1000 conv=fsync'])],
    });
    for (const part of [/no space left on device/, /the disk of this host is full/, /Make room there/])
      assert.match(reason, part);
  });

  test('while the image is copied to another Region', { timeout: 120_000 }, async () => {
    const dataDirectory = await withBase(await disks.make('copy', 1000));
    // Layers that are shared take no space.
    await writeFile(join(dataDirectory, 'config.yaml'), 'regions: { eu-west-1: { layout: flat } }\n');
    const reason = await failedOn(dataDirectory, { components: [bashDocument('Write', ['echo small > /etc/small'])] }, [
      'us-east-1',
      'eu-west-1',
    ]);
    for (const part of [
      /no space left on device/,
      /the copy of|copy needs|is full: the file system of/,
      /Make room there/,
    ])
      assert.match(reason, part);
    assert.deepEqual(filesIn(dataDirectory, 'regions/eu-west-1'), []);
  });
});

function amiFile(dataDirectory: string, ami: string): string {
  return join(dataDirectory, String(query(dataDirectory, 'SELECT file FROM amis WHERE id = ?', ami)[0]!['file']));
}
