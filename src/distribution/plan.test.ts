import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Distribution } from '@aws-sdk/client-imagebuilder';
import { DistributionRefusal, planDistribution, type ImageFacts } from './plan.ts';
import { stated } from '../../test/harness/stated.ts';

const image: ImageFacts = {
  imageArn: 'arn:aws:imagebuilder:us-east-1:123456789012:image/web/1.0.0/3',
  name: 'web',
  buildVersion: 3,
  buildDate: '2026-11-20T20:11:28.123Z',
  region: 'us-east-1',
  account: '123456789012',
  recipeDescription: 'A web server, build {{ imagebuilder:buildVersion }}',
};
const nothingElse = (region: string, path = '') => ({ path, targetAccounts: [], configurations: { region } });
const automatic = { CreatedBy: 'EC2 Image Builder', Ec2ImageBuilderArn: image.imageArn };

test("without a configuration the home Region gets the default name and the recipe's description", () => {
  const plan = planDistribution(undefined, { ...image, recipeTags: { team: 'web' } });

  assert.deepEqual(stated(plan), {
    regions: [
      {
        region: 'us-east-1',
        home: true,
        name: 'web 2026-11-20T20-11-28.123000Z',
        description: 'A web server, build 3',
        tags: { team: 'web', ...automatic },
        ...nothingElse('us-east-1'),
      },
    ],
    withoutEffect: [],
  });
});

test('each Region gets its name, description and tags with variables replaced, the home Region first', () => {
  const distributions: Distribution[] = [
    {
      region: 'eu-west-1',
      amiDistributionConfiguration: {
        name: 'web {{ imagebuilder:buildDate }}',
        description: 'of {{ imagebuilder:buildDate:yyyy-MM-dd }}',
        amiTags: { build: '{{ imagebuilder:buildVersion }}', CreatedBy: 'me' },
        launchPermission: { userIds: ['210987654321'] },
      },
    },
    { region: 'us-east-1', amiDistributionConfiguration: { name: 'home {{ imagebuilder:buildDate:yyyy }}' } },
  ];

  const plan = planDistribution({ distributions }, image);

  assert.deepEqual(stated(plan.regions), [
    {
      region: 'us-east-1',
      home: true,
      name: 'home 2026',
      description: 'A web server, build 3',
      tags: automatic,
      ...nothingElse('us-east-1', 'distributions[1]'),
    },
    {
      region: 'eu-west-1',
      home: false,
      name: 'web 2026-11-20T20-11-28.123000Z',
      description: 'of 2026-11-20',
      tags: { build: '3', ...automatic },
      launchPermission: { userIds: ['210987654321'] },
      ...nothingElse('eu-west-1', 'distributions[0]'),
    },
  ]);
  assert.deepEqual(plan.withoutEffect, []);
});

test('the home Region keeps its AMI, with the description and tags of the recipe, when the configuration names only other Regions', () => {
  const plan = planDistribution(
    { distributions: [{ region: 'eu-west-1' }] },
    { ...image, recipeTags: { team: 'web' } },
  );

  assert.deepEqual(
    plan.regions.map(({ region, home, description, tags }) => ({ region, home, description, tags })),
    [
      { region: 'us-east-1', home: true, description: 'A web server, build 3', tags: { team: 'web', ...automatic } },
      { region: 'eu-west-1', home: false, description: undefined, tags: automatic },
    ],
  );
});

test('members without effect are listed, empty ones are not', () => {
  const distributions: Distribution[] = [
    { region: 'us-east-1', licenseConfigurationArns: [], fastLaunchConfigurations: [] },
    {
      region: 'eu-west-1',
      launchTemplateConfigurations: [{ launchTemplateId: 'lt-0123456789abcdef0' }],
      licenseConfigurationArns: ['arn:aws:license-manager:us-east-1:123456789012:license-configuration:lic-1'],
    },
  ];

  assert.deepEqual(planDistribution({ distributions }, image).withoutEffect, [
    'distributions[1].licenseConfigurationArns',
  ]);
});

for (const { what, distributions, message } of [
  {
    what: 'a Region named twice',
    distributions: [{ region: 'us-east-1' }, { region: 'us-east-1' }],
    message: /distributions\[1\]\.region: us-east-1 is named twice/,
  },
]) {
  test(`rejected: ${what}`, () => {
    assert.throws(
      () => planDistribution({ distributions }, image),
      (error: Error) => error instanceof DistributionRefusal && message.test(error.message),
    );
  });
}

test('a container image goes to the repository of each Region with its tags; the recipe names the one of the home Region', () => {
  const container = { ...image, kind: 'DOCKER', repository: { service: 'ECR', repositoryName: 'own/web' } } as const;
  const home = planDistribution(undefined, container);
  assert.deepEqual(
    home.regions.map((region) => region.container),
    [{ service: 'ECR', repository: 'own/web', ofRecipe: true, tags: ['1.0.0-3'], description: undefined }],
  );
  const plan = planDistribution(
    {
      distributions: [
        {
          region: 'eu-west-1',
          containerDistributionConfiguration: {
            targetRepository: { service: 'ECR', repositoryName: 'web' },
            containerTags: ['latest', 'b{{ imagebuilder:buildVersion }}'],
          },
        },
      ],
    },
    container,
  );
  assert.deepEqual(
    plan.regions.map(({ region, container: target }) => [region, target!.repository, target!.tags]),
    [
      ['us-east-1', 'own/web', ['1.0.0-3']],
      ['eu-west-1', 'web', ['latest', 'b3']],
    ],
  );
  assert.deepEqual(plan.withoutEffect, []);
});

test('a Region without a repository for a container image is rejected', () => {
  assert.throws(
    () => planDistribution({ distributions: [{ region: 'eu-west-1' }] }, { ...image, kind: 'DOCKER' }),
    /distributions\[0\]\.containerDistributionConfiguration is missing/,
  );
});
