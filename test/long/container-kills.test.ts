/**
 * Server and worker are killed while a container image is in each of its stages: the image goes on and is whole, a
 * launched container goes on running, and nothing is left behind.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CreateComponentCommand } from '@aws-sdk/client-imagebuilder';
import { until } from '../../src/platform/clock.ts';
import { freePort } from '../../src/platform/host.ts';
import { run } from '../../src/platform/processes.ts';
import { containerInfrastructure, createContainer, type TestContainer } from '../harness/containers.ts';
import { hostState, type HostState } from '../harness/host-state.ts';
import { waitForStatus, waitUntilAvailable } from '../harness/images.ts';
import { plainRegistry, type PlainRegistry } from '../harness/plain-registry.ts';
import { imageLog, ingot, startServer, type TestServer } from '../harness/service.ts';
import { endOnServer } from '../harness/suite.ts';

/** Waits the first time that it runs in a stage, so that there is time for the kill. */
const SLOW = (mark: string): string => `echo waiting in ${mark}; sleep 5`;

const TEMPLATE = `FROM {{{ imagebuilder:parentImage }}}
RUN ${SLOW('run')}; echo first >/first
{{{ imagebuilder:environments }}}
{{{ imagebuilder:components }}}
CMD ["sh", "-c", "echo started; exec sleep infinity"]
`;

const step = (mark: string, command: string): string =>
  `[{name: Wait, action: ExecuteBash, inputs: {commands: ['${SLOW(mark)}', '${command}']}}]`;

describe('kills while container images are made', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-kills-'));
  let state: HostState;
  let dataDirectory: string;
  let server: TestServer;
  let infrastructure: string;
  let component: string;
  let registry: PlainRegistry;
  let between: Server;
  /** Whether the registry's door holds uploads up. */
  let holding = false;
  let held = 0;

  before(async () => {
    state = await hostState();
    dataDirectory = join(mkdtempSync(join(tmpdir(), 'ingot-test-')), 'data directory');
    registry = await plainRegistry(join(folder, 'registry'));
    between = createServer((asked, answer) => {
      if (holding && asked.method === 'POST') return void held++;
      const options = { method: asked.method!, headers: asked.headers };
      const onward = request(`http://${registry.host}${asked.url}`, options, (got) => {
        answer.writeHead(got.statusCode!, got.headers);
        got.pipe(answer);
      });
      onward.on('error', () => answer.destroy());
      return void asked.pipe(onward);
    });
    await new Promise<void>((resolve) => between.listen(0, '127.0.0.1', resolve));
    server = await startServer(dataDirectory);
    writeFileSync(join(dataDirectory, 'config.yaml'), JSON.stringify({ registries: { [host()]: { plain: true } } }));
    infrastructure = await containerInfrastructure(server);
    const { componentBuildVersionArn } = await server.client.send(
      new CreateComponentCommand({
        name: 'waits',
        semanticVersion: '1.0.0',
        platform: 'Linux',
        data:
          'name: waits\nschemaVersion: 1.0\nphases:\n' +
          `  - {name: build, steps: ${step('build', 'echo built >/built')}}\n` +
          `  - {name: test, steps: ${step('test', 'grep -x built /built')}}\n`,
      }),
    );
    component = componentBuildVersionArn!;
  });
  after(async () => {
    await endOnServer({ state, dataDirectory, server });
    between.closeAllConnections();
    between.close();
    await registry.stop();
    rmSync(folder, { recursive: true });
  });

  const host = (): string => `127.0.0.1:${(between.address() as AddressInfo).port}`;

  const create = (more: Partial<TestContainer> & { readonly name: string }): Promise<string> =>
    createContainer(server, infrastructure, {
      template: TEMPLATE,
      tags: { 'ingot:layer-cache': 'off' },
      components: [component],
      ...more,
    });

  const said = (arn: string, text: string): Promise<true> =>
    until(`'${text}' in the log`, 180_000, async () =>
      (await imageLog(dataDirectory, arn)).some((record) => record.text === text) ? true : undefined,
    );

  async function killed(): Promise<void> {
    await server.kill();
    server = await startServer(dataDirectory);
  }

  for (const stage of ['run', 'build', 'test'])
    test(`in ${stage}`, async () => {
      const arn = await create({ name: `killed-in-${stage}` });
      await said(arn, `waiting in ${stage}`);
      await killed();
      const image = await waitUntilAvailable(server, arn);
      const [uri] = image.outputResources!.containers![0]!.imageUris!;
      assert.match(uri!, new RegExp(`team/killed-in-${stage}:1\\.0\\.0-1$`));
    });

  test('in a push, which goes on to another registry', async () => {
    holding = true;
    const arn = await create({ name: 'killed-in-push', repository: `${host()}/elsewhere/web` });
    await waitForStatus(server, arn, ['DISTRIBUTING']);
    await until('the push to be held up', 60_000, () => (held > 0 ? true : undefined));
    await killed();
    holding = false;
    await waitUntilAvailable(server, arn);
    const there = await run(['skopeo', 'inspect', '--tls-verify=false', `docker://${host()}/elsewhere/web:1.0.0-1`]);
    assert.match(there.stdout, /"Digest": "sha256:/);
  });

  test('a launched container goes on running', async () => {
    const port = await freePort();
    const { stdout, stderr } = await ingot(dataDirectory, [
      ...['launch', 'killed-in-run', '--publish', `${port}:80`, '--detach'],
    ]);
    const id = stdout.trim();
    assert.match(id, /^i-/, stderr);
    await killed();
    const entered = await ingot(dataDirectory, ['exec', id, '--', 'cat', '/built']);
    assert.equal(entered.stdout, 'built\n', entered.stderr);
    assert.equal((await ingot(dataDirectory, ['terminate', id])).code, 0);
  });
});
