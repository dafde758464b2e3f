import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { containerSettings } from './container-settings.ts';

const ARN = 'arn:aws:imagebuilder:us-east-1:123456789012:image/web/1.2.3/4';
const of = (tags: Readonly<Record<string, string>>, recipeTags: Readonly<Record<string, string>> = {}) =>
  containerSettings({
    arn: ARN,
    image: { name: 'web', tags: { ...tags }, containerRecipe: { parentImage: 'debian:12', tags: { ...recipeTags } } },
  });

test('without tags an image has labels of its own, and nothing else', () => {
  deepEqual(of({}), {
    labels: {
      'org.opencontainers.image.title': 'web',
      'org.opencontainers.image.version': '1.2.3',
      'org.opencontainers.image.base.name': 'debian:12',
    },
    epoch: undefined,
    buildArguments: {},
    secrets: [],
  });
});

test("tags of the image override those of its recipe, and both override Ingot's own labels", () => {
  const { labels } = of(
    { 'org.opencontainers.image.revision': 'abc', 'org.opencontainers.image.title': 'shop' },
    { 'org.opencontainers.image.revision': 'old', 'org.opencontainers.image.source': 'https://x.example' },
  );
  equal(labels['org.opencontainers.image.revision'], 'abc');
  equal(labels['org.opencontainers.image.source'], 'https://x.example');
  equal(labels['org.opencontainers.image.title'], 'shop');
});

test('arguments, secrets and the epoch are read, in the order of their names', () => {
  const { epoch, buildArguments, secrets } = of({
    'ingot:source-date-epoch': '1700000000',
    'ingot:build-arg:VERSION': '2',
    'ingot:build-arg:CHANNEL': 'stable',
    'ingot:build-secret:npm': 'secretsmanager:npm:SecretString:token',
  });
  equal(epoch, 1_700_000_000);
  deepEqual(Object.entries(buildArguments), [
    ['CHANNEL', 'stable'],
    ['VERSION', '2'],
  ]);
  deepEqual(
    secrets.map(({ id, reference: { service, name, key } }) => [id, service, name, key]),
    [['npm', 'secretsmanager', 'npm', 'token']],
  );
});

for (const [tags, words] of [
  [{ 'ingot:source-date-epoch': 'yesterday' }, /invalid value 'yesterday' for tag ingot:source-date-epoch/],
  [
    { 'ingot:build-secret:npm': 'hunter2' },
    /invalid value 'hunter2' for tag ingot:build-secret:npm: expected a secret/,
  ],
  [{ 'ingot:build-arg:A=B': 'x' }, /invalid tag 'ingot:build-arg:A=B'/],
  [{ 'ingot:build-secret:a,src=/etc/shadow': 'ssm-secure:x' }, /is not a name such as TOKEN/],
] as const)
  test(`${Object.keys(tags)[0]} with a value that is none is refused`, () => {
    throws(() => of(tags), { name: 'SettingsFault', message: words });
  });
