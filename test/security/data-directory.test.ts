/**
 * Only its owner can read a data directory: also one that an older version left open, and everything that a build puts
 * there.
 */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { ingot } from '../harness/service.ts';
import { startServer } from '../harness/service.ts';
import { beginOnDirectory, endOnDirectory, type DirectorySuite } from '../harness/suite.ts';

const TEMPLATE = `
Resources:
  Greet:
    Type: AWS::ImageBuilder::Component
    Properties:
      Name: greet
      Version: 1.0.0
      Platform: Linux
      Data: |
        schemaVersion: 1.0
        phases: [{name: build, steps: [{name: Greet, action: ExecuteBash, inputs: {commands: [echo hello]}}]}]
  Recipe:
    Type: AWS::ImageBuilder::ImageRecipe
    Properties:
      Name: private
      Version: 1.0.x
      ParentImage: !Sub arn:aws:imagebuilder:\${AWS::Region}:aws:image/debian-12-x86/x.x.x
      Components: [{ComponentArn: !Ref Greet}]
  Infrastructure:
    Type: AWS::ImageBuilder::InfrastructureConfiguration
    Properties: {Name: private, InstanceProfileName: ingot}
  Distribution:
    Type: AWS::ImageBuilder::DistributionConfiguration
    Properties:
      Name: private
      Distributions:
        - {Region: us-east-1, AmiDistributionConfiguration: {}}
        - {Region: eu-west-1, AmiDistributionConfiguration: {}}
  Image:
    Type: AWS::ImageBuilder::Image
    Properties:
      ImageRecipeArn: !Ref Recipe
      InfrastructureConfigurationArn: !Ref Infrastructure
      DistributionConfigurationArn: !Ref Distribution
      ImageTestsConfiguration: {ImageTestsEnabled: false}
`;

let suite: DirectorySuite;
before(async () => {
  suite = await beginOnDirectory();
});
after(() => endOnDirectory(suite));

/** What others may do something with, with its mode. */
function openTo(path: string): readonly string[] {
  const found: string[] = [];
  const look = (each: string): void => {
    const stats = lstatSync(each);
    if (!stats.isFile() && !stats.isDirectory()) return;
    if ((stats.mode & 0o077) !== 0) found.push(`${each.slice(path.length)} ${(stats.mode & 0o7777).toString(8)}`);
    if (stats.isDirectory()) for (const name of readdirSync(each)) look(join(each, name));
  };
  look(path);
  return found;
}

test('one that an older version left open is closed at the start, which the log says once', async () => {
  const { dataDirectory } = suite;
  for (const name of ['.', 'layers']) chmodSync(join(dataDirectory, name), 0o755);
  for (const name of ['catalog.db', join('layers', readdirSync(join(dataDirectory, 'layers'))[0]!)])
    chmodSync(join(dataDirectory, name), 0o644);
  const said = (): number =>
    readFileSync(join(dataDirectory, 'server.log'), 'utf8').split('it is closed to them now').length - 1;

  const server = await startServer(dataDirectory);
  try {
    assert.deepEqual(openTo(dataDirectory), []);
    assert.equal(said(), 1);
  } finally {
    await server.stop();
  }
  await (await startServer(dataDirectory)).stop();
  assert.equal(said(), 1, 'nothing was left to close');
});

test('all that a build leaves is closed: database, layers, logs, copies for other Regions', async () => {
  const { dataDirectory } = suite;
  const file = join(dirname(dataDirectory), 'template.yaml');
  writeFileSync(file, TEMPLATE);
  const own = process.umask(0o022);
  try {
    const { code, stdout, stderr } = await ingot(dataDirectory, ['build', file]);
    assert.equal(code, 0, stdout.slice(-2000) + stderr);
    for (const name of ['catalog.db', 'regions/eu-west-1', 'logs', 'server.log', 'server.lock', 'worker.lock'])
      assert.ok(existsSync(join(dataDirectory, name)), name);
    assert.deepEqual(openTo(dataDirectory), []);
  } finally {
    process.umask(own);
    await ingot(dataDirectory, ['stop']);
  }
});

test('a server does not start on a folder that others use', async () => {
  const shared = join(dirname(suite.dataDirectory), 'template.yaml', '..');
  chmodSync(shared, 0o755);
  const { code, stderr } = await ingot(shared, ['serve', '--port', '0']);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /is open to other users of this host \(mode 755\) and holds other files than Ingot's: .* chmod 700 /,
  );
  assert.equal(existsSync(join(shared, 'catalog.db')), false);
});
