/** Container images through the API: built, tested, pushed to a registry; built again; failures and their words. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import {
  CancelImageCreationCommand,
  CreateComponentCommand,
  CreateContainerRecipeCommand,
  CreateImageCommand,
  CreateInfrastructureConfigurationCommand,
  ListImagePackagesCommand,
  RetryImageCommand,
  type Image,
} from '@aws-sdk/client-imagebuilder';
import { until } from '../../src/platform/clock.ts';
import { freePort } from '../../src/platform/host.ts';
import { run } from '../../src/platform/processes.ts';
import { hostState, type HostState } from '../harness/host-state.ts';
import { outputOf, waitForStatus, waitUntilAvailable } from '../harness/images.ts';
import { imageLog, ingot, startServer, type TestServer } from '../harness/service.ts';
import { plainRegistry } from '../harness/plain-registry.ts';
import { connectionTo, ensureRepository, registryLogin } from '../harness/repositories.ts';
import { endOnServer } from '../harness/suite.ts';

const BASE = 'arn:aws:imagebuilder:us-east-1:aws:image/debian-12-slim/x.x.x';
const TEMPLATE = `FROM {{{ imagebuilder:parentImage }}}
RUN echo first >/first
{{{ imagebuilder:environments }}}
{{{ imagebuilder:components }}}
ENV GREETING=hello
CMD ["/bin/cat", "/first"]
`;

function component(word: string): string {
  return `name: page
schemaVersion: 1.0
phases:
  - name: build
    steps:
      - name: Write
        action: ExecuteBash
        inputs:
          commands:
            - echo ${word} >/page
            - pwd
  - name: test
    steps:
      - name: Read
        action: ExecuteBash
        inputs:
          commands:
            - cat /page /first
            - test "$GREETING" = hello
`;
}

describe('container images', () => {
  let state: HostState;
  let dataDirectory: string;
  let server: TestServer;
  let infrastructure: string;

  before(async () => {
    state = await hostState();
    dataDirectory = join(mkdtempSync(join(tmpdir(), 'ingot-test-')), 'data directory');
    server = await startServer(dataDirectory);
    const { infrastructureConfigurationArn } = await server.client.send(
      new CreateInfrastructureConfigurationCommand({ name: 'containers', instanceProfileName: 'ingot' }),
    );
    infrastructure = infrastructureConfigurationArn!;
  });

  after(() => endOnServer({ state, dataDirectory, server }));

  async function start(wanted: {
    readonly name: string;
    readonly template?: string;
    readonly parent?: string;
    readonly document?: string;
    readonly repository?: string;
    readonly tags?: Readonly<Record<string, string>>;
  }): Promise<string> {
    const components = [];
    if (wanted.document !== undefined) {
      const { componentBuildVersionArn } = await server.client.send(
        new CreateComponentCommand({
          name: `page-${wanted.name}`,
          semanticVersion: '1.0.0',
          platform: 'Linux',
          data: wanted.document,
          clientToken: randomUUID(),
        }),
      );
      components.push({ componentArn: componentBuildVersionArn! });
    }
    const repository = wanted.repository ?? `team/${wanted.name}`;
    if (wanted.repository === undefined) await ensureRepository(connectionTo(server), repository);
    const { containerRecipeArn } = await server.client.send(
      new CreateContainerRecipeCommand({
        name: wanted.name,
        semanticVersion: '1.0.x',
        containerType: 'DOCKER',
        parentImage: wanted.parent ?? BASE,
        dockerfileTemplateData: wanted.template ?? TEMPLATE,
        targetRepository: { service: 'ECR', repositoryName: repository },
        ...(components.length === 0 ? {} : { components }),
      }),
    );
    const { imageBuildVersionArn } = await server.client.send(
      new CreateImageCommand({
        containerRecipeArn,
        infrastructureConfigurationArn: infrastructure,
        ...(wanted.tags === undefined ? {} : { tags: { ...wanted.tags } }),
      }),
    );
    return imageBuildVersionArn!;
  }

  async function packagesOf(image: Image): Promise<readonly string[]> {
    const { imagePackageList = [] } = await server.client.send(
      new ListImagePackagesCommand({ imageBuildVersionArn: image.arn }),
    );
    return imagePackageList.map(({ packageName, packageVersion }) => `${packageName} ${packageVersion}`);
  }

  const uriOf = (image: Image): string => image.outputResources!.containers![0]!.imageUris![0]!;

  async function inRegistry(
    uri: string,
  ): Promise<{ Digest: string; Layers: string[]; Labels: Record<string, string> }> {
    const login = uri.startsWith(new URL(server.endpoint).host)
      ? [`--creds=${await registryLogin(connectionTo(server))}`]
      : [];
    const { stdout } = await run(['skopeo', 'inspect', '--tls-verify=false', ...login, `docker://${uri}`]);
    return JSON.parse(stdout) as never;
  }

  test('are built, tested and pushed; the same again builds nothing; a changed component builds itself', async () => {
    const first = await waitUntilAvailable(server, await start({ name: 'web', document: component('one') }));
    const there = await inRegistry(uriOf(first));
    assert.equal(first.osVersion, 'Debian 12');
    const packages = await packagesOf(first);
    assert.ok(packages.some((line) => line.startsWith('bash ')));
    const output = await outputOf(server, first.arn!);
    // Built in the working directory of AWS, tested in a container with the image's environment.
    assert.ok(output.includes('/tmp'));
    assert.deepEqual(
      output.filter((line) => line === 'one' || line === 'first'),
      ['one', 'first'],
    );
    assert.match(uriOf(first), /^127\.0\.0\.1:\d+\/\d{12}\/us-east-1\/team\/web:1\.0\.0-1$/);
    assert.equal(there.Labels['org.opencontainers.image.version'], '1.0.0');

    const { imageBuildVersionArn } = await server.client.send(
      new CreateImageCommand({
        containerRecipeArn: first.containerRecipe!.arn!,
        infrastructureConfigurationArn: infrastructure,
      }),
    );
    const second = await waitUntilAvailable(server, imageBuildVersionArn!);
    const log = await imageLog(dataDirectory, second.arn!);
    assert.ok(log.some(({ text }) => text?.includes('no build instance is launched')));
    assert.equal((await inRegistry(uriOf(second))).Digest, there.Digest);
    assert.deepEqual(await packagesOf(second), packages);

    const third = await waitUntilAvailable(server, await start({ name: 'web', document: component('two') }));
    const texts = (await imageLog(dataDirectory, third.arn!)).map(({ text }) => text ?? '');
    assert.ok(texts.some((text) => text.startsWith('layer of Dockerfile: hit')));
    assert.ok(texts.some((text) => text === 'layer of page-web: miss, its document changed'));
    const changed = await inRegistry(uriOf(third));
    // The base and the Dockerfile's layers are the ones that were there.
    assert.deepEqual(changed.Layers.slice(0, 2), there.Layers.slice(0, 2));
    assert.notEqual(changed.Digest, there.Digest);
  });

  test('build on a container image of the account, named with wildcards', async () => {
    const image = await waitUntilAvailable(
      server,
      await start({
        name: 'over',
        parent: 'arn:aws:imagebuilder:us-east-1:123456789012:image/web/x.x.x',
        template: 'FROM {{{ imagebuilder:parentImage }}}\nRUN cat /page /first && test "$GREETING" = hello\n',
      }),
    );
    assert.ok((await outputOf(server, image.arn!)).includes('two'));
  });

  test('a RUN that fails is told with its line of the template, and leaves nothing in the registry', async () => {
    const image = await waitForStatus(
      server,
      await start({
        name: 'fails',
        template: `FROM {{{ imagebuilder:parentImage }}}\n# why\nRUN true && \\\n    echo no such luck >&2 && exit 7\n`,
      }),
    );
    assert.equal(image.state!.status, 'FAILED');
    assert.match(image.state!.reason!, /line 3 of the Dockerfile template \(RUN true && \\\)/);
    assert.match(image.state!.reason!, /no such luck/);
    assert.deepEqual(image.outputResources, { containers: [] });
  });

  test('the same inputs give the same digest with SOURCE_DATE_EPOCH, whatever the clock says', async () => {
    const tags = { 'ingot:source-date-epoch': '1700000000', 'ingot:layer-cache': 'off' };
    const first = await waitUntilAvailable(server, await start({ name: 'epoch', document: component('one'), tags }));
    const { imageBuildVersionArn } = await server.client.send(
      new CreateImageCommand({
        containerRecipeArn: first.containerRecipe!.arn!,
        infrastructureConfigurationArn: infrastructure,
        tags,
      }),
    );
    const second = await waitUntilAvailable(server, imageBuildVersionArn!);
    const log = await imageLog(dataDirectory, second.arn!);
    assert.ok(log.every(({ text }) => !text?.includes('no build instance is launched')));
    const there = await inRegistry(uriOf(first));
    assert.equal((await inRegistry(uriOf(second))).Digest, there.Digest);
    assert.equal(there.Labels['org.opencontainers.image.created'], '2023-11-14T22:13:20Z');
  });

  test('secrets and arguments of a build are in no layer, history or log; tags are labels and annotations', async () => {
    const secret = 'a secret of 5 words and 1 number';
    const folder = join(dataDirectory, 'secrets');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'npm'), secret, { mode: 0o600 });
    writeFileSync(join(dataDirectory, 'config.yaml'), JSON.stringify({ secrets: [{ type: 'file', folder }] }));
    const image = await waitUntilAvailable(
      server,
      await start({
        name: 'secret',
        template: [
          'FROM {{{ imagebuilder:parentImage }}}',
          'ARG CHANNEL=none',
          'RUN --mount=type=secret,id=npm cat /run/secrets/npm | tee /dev/stderr | md5sum >/sum',
          'RUN test "$CHANNEL" = beta',
          'RUN test ! -s /run/secrets/npm',
          '',
        ].join('\n'),
        tags: {
          'ingot:build-secret:npm': 'secretsmanager:npm',
          'ingot:build-arg:CHANNEL': 'beta',
          'org.opencontainers.image.revision': '0123abc',
          'org.opencontainers.image.source': 'https://git.example/web',
        },
      }),
    );
    const { Labels } = await inRegistry(uriOf(image));
    const { stdout } = await run([
      ...['skopeo', 'inspect', '--raw', '--tls-verify=false'],
      `--creds=${await registryLogin(connectionTo(server))}`,
      `docker://${uriOf(image)}`,
    ]);
    const { annotations, layers, config } = JSON.parse(stdout) as {
      annotations: Record<string, string>;
      layers: { digest: string }[];
      config: { digest: string };
    };
    for (const marks of [Labels, annotations]) {
      assert.equal(marks['org.opencontainers.image.revision'], '0123abc');
      assert.equal(marks['org.opencontainers.image.source'], 'https://git.example/web');
      assert.match(marks['org.opencontainers.image.base.digest']!, /^sha256:[0-9a-f]{64}$/);
      assert.equal(marks['org.opencontainers.image.base.name'], BASE);
    }
    const blob = (digest: string): Buffer =>
      readFileSync(join(dataDirectory, 'containers/sha256', digest.slice('sha256:'.length)));
    const described = blob(config.digest).toString();
    assert.ok(!described.includes('CHANNEL=beta'), described);
    for (const content of [Buffer.from(described), ...layers.map(({ digest }) => gunzipSync(blob(digest)))])
      assert.ok(!content.includes(secret));
    const log = (await imageLog(dataDirectory, image.arn!)).map(({ text }) => text ?? '');
    assert.ok(log.some((text) => text.includes('***')));
    assert.ok(log.every((text) => !text.includes(secret)));

    const missing = await waitForStatus(
      server,
      await start({ name: 'no-secret', tags: { 'ingot:build-secret:npm': 'secretsmanager:absent' } }),
    );
    assert.match(missing.state!.reason!, /secret 'absent' not found/);
    await assert.rejects(start({ name: 'bad-epoch', tags: { 'ingot:source-date-epoch': 'now' } }), {
      message: /invalid value 'now' for tag ingot:source-date-epoch/,
    });
  });

  test('the distroless base has certificates and a user, and no shell', async () => {
    const image = await waitUntilAvailable(
      server,
      await start({
        name: 'distroless',
        parent: BASE.replace('slim', 'distroless'),
        template: 'FROM {{{ imagebuilder:parentImage }}}\nUSER nonroot\n',
      }),
    );
    const packages = await packagesOf(image);
    assert.ok(packages.some((line) => line.startsWith('libssl3 ')));
    assert.equal(image.osVersion, 'Debian 12');
    const uri = uriOf(image);
    const creds = `--creds=${await registryLogin(connectionTo(server))}`;
    const { stdout } = await run(['skopeo', 'inspect', '--config', '--tls-verify=false', creds, `docker://${uri}`]);
    assert.equal((JSON.parse(stdout) as { config: { User: string } }).config.User, 'nonroot');
    const { Layers } = await inRegistry(uri);
    const blob = readFileSync(join(dataDirectory, 'containers/sha256', Layers[0]!.slice('sha256:'.length)));
    const { stdout: listed } = await run(['tar', '-tf', '-'], { input: gunzipSync(blob), maxOutput: 16 << 20 });
    const names = listed.split('\n');
    assert.ok(names.includes('./etc/ssl/certs/ca-certificates.crt'));
    assert.ok(names.includes('./var/lib/dpkg/status.d/libssl3'));
    assert.ok(names.some((name) => /\/libssl\.so\.3$/.test(name)));
    assert.deepEqual(
      names.filter((name) => /^\.\/usr\/s?bin\/./.test(name) || name.includes('perl')),
      [],
    );
  });

  test('a RUN without end of output is cut off in the log, and a parent that is not there is told', async () => {
    const image = await waitUntilAvailable(
      server,
      await start({
        name: 'prints',
        template: `FROM {{{ imagebuilder:parentImage }}}\nRUN yes ${'0123456789'.repeat(20)} | head -c 100000000\n`,
      }),
    );
    const texts = (await imageLog(dataDirectory, image.arn!)).map(({ text }) => text ?? '');
    assert.ok(texts.includes('the Dockerfile printed more than 64 MiB: the rest is left out'));
    assert.ok(texts.reduce((sum, text) => sum + text.length, 0) < 70 << 20);

    const failed = await waitForStatus(server, await start({ name: 'absent', parent: 'registry.invalid/none:1' }));
    assert.match(failed.state!.reason!, /getting the parent image failed .*registry\.invalid/);
  });

  test('RetryImage tests again what was cancelled in its tests, and pushes what could not be pushed', async () => {
    const slow = component('one').replace('- cat /page /first', '- test -e /done || sleep 600');
    const arn = await start({ name: 'again', document: slow, template: TEMPLATE });
    await waitForStatus(server, arn, ['TESTING']);
    await until('the test to sleep', 60_000, async () =>
      (await imageLog(dataDirectory, arn)).some(({ documentStep }) => documentStep === 'Read') ? true : undefined,
    );
    await server.client.send(new CancelImageCreationCommand({ imageBuildVersionArn: arn }));
    assert.equal((await waitForStatus(server, arn)).state!.status, 'CANCELLED');
    await server.client.send(new RetryImageCommand({ imageBuildVersionArn: arn }));
    await waitForStatus(server, arn, ['TESTING']);
    const texts = async () => (await imageLog(dataDirectory, arn)).map(({ text }) => text ?? '');
    await until('the second test instance', 60_000, async () =>
      (await texts()).filter((text) => text.includes(': test instance')).length === 2 ? true : undefined,
    );
    await server.client.send(new CancelImageCreationCommand({ imageBuildVersionArn: arn }));
    assert.equal((await waitForStatus(server, arn)).state!.status, 'CANCELLED');
    assert.ok((await texts()).some((text) => text.endsWith('the build stage is skipped')));
  });

  test('a component that fails names its step; one that asks for a machine says what it asked for', async () => {
    const image = await waitForStatus(
      server,
      await start({ name: 'broken', document: component('one').replace('- pwd', '- false') }),
    );
    assert.equal(image.state!.status, 'FAILED');
    assert.match(image.state!.reason!, /Phase 'build', step 'Write' \(ExecuteBash\)/);
  });

  test('from a build nothing of the host is reachable', async () => {
    const tries = [
      'test ! -e /work',
      'test ! -e /root/.docker -a ! -e /root/.config/containers',
      'test "$(cat /proc/self/uid_map | awk \'{print $2}\')" -ge 1073741824',
      '! mount -t tmpfs x /mnt 2>/dev/null',
      '! mknod /dev/sda b 8 0 2>/dev/null',
      '! cat /proc/kcore >/dev/null 2>&1',
      '! (echo x >/proc/sys/kernel/core_pattern) 2>/dev/null',
      '! (: </dev/tcp/127.0.0.1/22) 2>/dev/null',
      'test "$(ls /proc | grep -c \'^[0-9]*$\')" -lt 20',
      'test ! -S /run/docker.sock',
    ];
    const checks = tries
      .map(
        (each) =>
          `            - |\n              ${each} || { echo "reached: ${each.replaceAll('"', "'")}"; exit 1; }\n`,
      )
      .join('');
    // A function: `$'` in a text would stand for what follows.
    const document = component('one').replace('            - pwd\n', () => checks);
    const template = TEMPLATE.replace(
      'RUN echo first >/first',
      `RUN echo first >/first\nRUN test ! -e /work && ! mount -t tmpfs x /mnt 2>/dev/null`,
    );
    await waitUntilAvailable(server, await start({ name: 'walls', document, template }));
  });

  test('go to a registry that config.yaml lists, with its login; what is wrong with that is the reason', async () => {
    const elsewhere = await plainRegistry(mkdtempSync(join(tmpdir(), 'ingot-registry-')));
    const { host } = elsewhere;
    try {
      await goElsewhere(host);
    } finally {
      await elsewhere.stop();
    }
  });

  async function goElsewhere(host: string): Promise<void> {
    const configure = (authFile: string): void =>
      writeFileSync(
        join(dataDirectory, 'config.yaml'),
        JSON.stringify({ registries: { [host]: { plain: true, authFile } } }),
      );
    const authFile = join(dataDirectory, 'auth.json');
    writeFileSync(authFile, JSON.stringify({ auths: { [host]: { auth: Buffer.from('a:b').toString('base64') } } }));
    configure(authFile);
    await server.stop();
    server = await startServer(dataDirectory);
    const wanted = { name: 'away', document: component('two'), repository: `${host}/elsewhere/web` };
    const away = await waitUntilAvailable(server, await start(wanted));
    assert.equal(uriOf(away), `${host}/elsewhere/web:1.0.0-1`);
    assert.equal((await inRegistry(uriOf(away))).Labels['org.opencontainers.image.version'], '1.0.0');

    configure('/absent/auth.json');
    const { imageBuildVersionArn } = await server.client.send(
      new CreateImageCommand({
        containerRecipeArn: away.containerRecipe!.arn!,
        infrastructureConfigurationArn: infrastructure,
      }),
    );
    const failed = await waitForStatus(server, imageBuildVersionArn!);
    assert.equal(failed.state!.status, 'FAILED');
    assert.match(failed.state!.reason!, /authFile \/absent\/auth\.json cannot be read \(ENOENT\)/);
  }

  test('the example is built by its template, twice, pulled back as it was, run, and serves its page', async () => {
    const digests: string[] = [];
    let uri = '';
    for (let round = 1; round <= 2; round++) {
      const { code, stdout, stderr } = await ingot(dataDirectory, [
        'build',
        'examples/container/template.yaml',
        '--json',
      ]);
      assert.equal(code, 0, `${stderr}\n${stdout.split('\n').slice(-40).join('\n')}`);
      const lines = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { type: string; outputs?: { name: string; value: string }[] });
      uri = lines.find(({ type }) => type === 'stack')?.outputs?.find(({ name }) => name === 'ImageUri')?.value ?? '';
      assert.match(uri, /^127\.0\.0\.1:\d+\/\d{12}\/us-east-1\/nginx-container:latest$/);
      digests.push((await inRegistry(uri)).Digest);
      const tagged = await inRegistry(uri.replace(/latest$/, `build-${round}`));
      assert.equal(tagged.Digest, digests.at(-1));
    }
    assert.equal(digests[0], digests[1]);

    const pulled = join(dataDirectory, '../pulled');
    const login = `--src-creds=${await registryLogin(connectionTo(server))}`;
    const options = ['--src-tls-verify=false', login, '--preserve-digests', '--insecure-policy'];
    await run(['skopeo', 'copy', ...options, `docker://${uri}`, `oci:${pulled}:latest`]);
    const { manifests } = JSON.parse(readFileSync(join(pulled, 'index.json'), 'utf8')) as {
      manifests: { digest: string }[];
    };
    assert.deepEqual(
      manifests.map(({ digest }) => digest),
      [digests[0]],
    );

    const port = await freePort();
    const launched = await ingot(dataDirectory, ['launch', 'nginx-container', '--publish', `${port}:80`, '--detach']);
    assert.equal(launched.code, 0, launched.stderr);
    const page = await until('the page', 30_000, () =>
      fetch(`http://127.0.0.1:${port}/`).then(
        (answer) => answer.text(),
        () => undefined,
      ),
    );
    assert.match(page, /<h1>Hello from a container<\/h1>/);
    const ended = await ingot(dataDirectory, ['terminate', launched.stdout.trim()]);
    assert.equal(ended.code, 0, ended.stderr);
  });
});
