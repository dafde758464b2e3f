/** `ingot test` on an AMI: a virtual machine boots, tests run in it, and what failed is kept. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  DeleteImageCommand,
  ListComponentsCommand,
  ListImageRecipesCommand,
  ListImagesCommand,
  ListInfrastructureConfigurationsCommand,
} from '@aws-sdk/client-imagebuilder';
import { createTestImage, waitUntilAvailable } from '../harness/images.ts';
import { imageLog, ingot } from '../harness/service.ts';
import { bashDocument } from '../harness/stages.ts';
import { beginOnServer, endOnServer, type ServerSuite } from '../harness/suite.ts';

let suite: ServerSuite;
let ami: string;
before(async () => {
  suite = await beginOnServer();
  const arn = await createTestImage(suite.server, {
    name: 'subject',
    components: [
      `${bashDocument('Make', ['echo made > /srv/made'])}  - name: test
    steps:
      - name: Look
        action: ExecuteBash
        inputs:
          commands: ['grep made /srv/made']
`,
    ],
  });
  ami = (await waitUntilAvailable(suite.server, arn)).outputResources!.amis![0]!.image!;
});
after(() => endOnServer(suite));

/** Names of what exists beside the subject. */
async function left(): Promise<readonly string[]> {
  const { client } = suite.server;
  const [images, recipes, infrastructures, components] = await Promise.all([
    client.send(new ListImagesCommand({ owner: 'Self' })),
    client.send(new ListImageRecipesCommand({ owner: 'Self' })),
    client.send(new ListInfrastructureConfigurationsCommand({})),
    client.send(new ListComponentsCommand({ owner: 'Self' })),
  ]);
  return [
    ...images.imageVersionList!.map(({ arn }) => arn!),
    ...recipes.imageRecipeSummaryList!.map(({ arn }) => arn!),
    ...infrastructures.infrastructureConfigurationSummaryList!.map(({ arn }) => arn!),
    ...components.componentVersionList!.map(({ arn }) => arn!),
  ].filter((arn) => arn.includes('/test-'));
}

test('an image passes its own tests, and nothing of them is left', async () => {
  const junit = join(dirname(suite.dataDirectory), 'passed.xml');
  const { code, stdout, stderr } = await ingot(suite.dataDirectory, ['test', 'subject', '--junit', junit]);
  assert.equal(code, 0, stdout + stderr);
  const xml = await readFile(junit, 'utf8');
  assert.match(
    xml,
    /<testcase name="Look" classname="test-image\.ApplyTestComponents\.subject-0\.test" time="[\d.]+">/,
  );
  assert.doesNotMatch(xml, /<failure/);
  assert.deepEqual(await left(), []);
});

test('a test of a file that fails on an AMI is shown, and its journal and console stay with the image', async () => {
  const file = join(dirname(suite.dataDirectory), 'smoke.yaml');
  const junit = join(dirname(suite.dataDirectory), 'failed.xml');
  const document = bashDocument('Smoke', ['logger marked by the test', 'sleep 1', 'echo the shop is closed', 'exit 7']);
  await writeFile(file, document.replace('- name: build', '- name: test'));
  const { code, stdout } = await ingot(suite.dataDirectory, ['test', ami, '--component', file, '--junit', junit]);
  assert.equal(code, 1);
  assert.match(stdout, /the shop is closed/);
  const xml = await readFile(junit, 'utf8');
  assert.match(xml, /<testcase name="Smoke"[^>]*><failure message="[^"]*exit status 7[^"]*">.*the shop is closed/s);
  const [arn, ...others] = await left();
  assert.deepEqual(others, [], 'only the image itself stays');
  const log = await imageLog(suite.dataDirectory, `${arn!}/1`);
  const evidence = log.filter(({ stream, level }) => stream === 'console' && level === 'debug').map(({ text }) => text);
  assert.ok(evidence.some((line) => line.includes('marked by the test')));
  assert.ok(evidence.some((line) => line.startsWith('The serial console of i-')));
  await suite.server.client.send(new DeleteImageCommand({ imageBuildVersionArn: `${arn!}/1` }));
});
