/**
 * One resource, one spelling: what a policy denies is denied however a request names it. Over all operations and all
 * of Ingot's routes that take an ARN.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  CreateComponentCommand,
  CreateImageCommand,
  CreateImageRecipeCommand,
  CreateInfrastructureConfigurationCommand,
  DistributeImageCommand,
  GetComponentCommand,
  GetImageCommand,
  GetImageRecipeCommand,
  ListComponentBuildVersionsCommand,
  ListTagsForResourceCommand,
  TagResourceCommand,
  type ImagebuilderClient,
} from '@aws-sdk/client-imagebuilder';
import { OPERATIONS, type OperationName } from '../../src/api/model.ts';
import { ingotRoutes } from '../../src/api/ingot/register.ts';
import { signedJson } from '../../src/platform/api-client.ts';
import { DEFAULT_CONFIG, type Config } from '../../src/platform/config/config.ts';
import { DEFAULT_NAMES } from '../../src/platform/config/names.ts';
import { CASES, commandOf, type Fixture } from './cases.ts';
import { ACCOUNT, addUser, DEBIAN, documentOf, REGION, startApi, type TestApi, type UserKey } from './server.ts';

const unlimited = Object.fromEntries(
  Object.keys(DEFAULT_CONFIG.quotas).map((name) => [name, null]),
) as unknown as Config['quotas'];
let api: TestApi;
let fixture: Fixture;
before(async () => {
  api = await startApi({
    quotas: unlimited,
    names: {
      ...DEFAULT_NAMES,
      parameters: { '/golden': 'image/golden/x.x.x' },
      parentImages: { 'windows-11': 'image/golden/x.x.x' },
    },
  });
  fixture = {
    region: REGION,
    account: ACCOUNT,
    catalog: api.catalog,
    send: async (name, input) => (await api.client.send(commandOf(name, input))) as unknown as Record<string, string>,
  };
});
after(() => api.close());
let serial = 0;

/** A user that may do everything but this. */
async function userWithout(deny: object): Promise<{ readonly key: UserKey; readonly client: ImagebuilderClient }> {
  const key = await addUser(api, `arn:aws:iam::${ACCOUNT}:user/s${++serial}`, [
    { Effect: 'Allow', Action: '*', Resource: '*' },
    { Effect: 'Deny', Action: '*', Resource: '*', ...deny },
  ]);
  return { key, client: api.clientWith(key) };
}

/** Other ways to write an ARN. Some name the same resource, the rest name none. */
function spellings(arn: string): readonly string[] {
  const [head, tail] = [arn.split(':').slice(0, 5).join(':'), arn.split(':').slice(5).join(':')];
  const versioned = /^(.*\/)(\d+)\.(\d+)\.(\d+)((?:\/\d+)?)$/.exec(arn);
  const [, name = '', major = '', minor = '', patch = '', build = ''] = versioned ?? [];
  return [
    ...['aws-cn', 'aws-us-gov', 'AWS', 'aws-', ' aws'].map((partition) => arn.replace('arn:aws:', `arn:${partition}:`)),
    arn.replace('arn:', 'ARN:'),
    arn.replace(':imagebuilder:', ':ImageBuilder:'),
    arn.replace(REGION, REGION.toUpperCase()),
    arn.replace(REGION, `${REGION} `),
    arn.replace(ACCOUNT, `0${ACCOUNT}`),
    `${head}:${tail.toUpperCase()}`,
    `${head}:${tail.replace('/', '//')}`,
    `${arn}/`,
    `${arn} `,
    ` ${arn}`,
    `${arn}\u0000`,
    `${arn}\n`,
    encodeURIComponent(arn),
    arn.replace('/', '%2F'),
    arn.replace('-', '_'),
    arn.replace('-', ' '),
    ...(versioned === null
      ? []
      : [
          `${name}0${major}.${minor}.${patch}${build}`,
          `${name}${major}.0${minor}.${patch}${build}`,
          `${name}${major}.${minor}.000${patch}${build}`,
          `${name}+${major}.${minor}.${patch}${build}`,
          `${name}x.x.x`,
          `${name}${major}.x.x`,
          `${name}${major}.${minor}.x`,
          `${name}0${major}.x.x`,
          `${name}X.X.X`,
          `${name}${major}.${minor}.${patch}`,
          `${name}${major}.${minor}.${patch}/1`,
          `${name}0${major}.${minor}.${patch}`,
          `${name}${major}.${minor}.${patch}/01`,
          `${name}x.x.x/1`,
          `${name}*`,
          name.replace(/\/$/, ''),
        ]),
  ];
}

type Path = readonly (string | number)[];

/** Every text in a request that names a resource of ours, and where it is. */
function namesIn(value: unknown, path: Path = []): readonly { readonly path: Path; readonly arn: string }[] {
  if (typeof value === 'string')
    return value.startsWith('arn:aws:imagebuilder:') || value.startsWith('ami-') ? [{ path, arn: value }] : [];
  if (typeof value !== 'object' || value === null || value instanceof Date) return [];
  return Object.entries(value).flatMap(([key, each]) =>
    namesIn(each, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}

function withValue(value: unknown, [key, ...rest]: Path, replaced: string): unknown {
  if (key === undefined) return replaced;
  if (Array.isArray(value))
    return value.map((each: unknown, index) => (index === key ? withValue(each, rest, replaced) : each));
  return { ...(value as object), [key]: withValue((value as Record<string | number, unknown>)[key], rest, replaced) };
}

/** The one ARN of the resource that a request's text means. */
async function resourceOf(name: string): Promise<string> {
  if (name.startsWith('ami-'))
    return (
      await api.catalog.db.selectFrom('amis').select('image_arn').where('id', '=', name).executeTakeFirstOrThrow()
    ).image_arn;
  return /:(component|image|workflow\/\w+)\/[^/]+\/\d+\.\d+\.\d+$/.test(name) ? `${name}/1` : name;
}

const ID_TYPES: Readonly<Record<string, string>> = {
  workflowExecutionId: 'workflow-execution',
  stepExecutionId: 'workflow-step-execution',
  lifecycleExecutionId: 'lifecycle-execution',
};

async function refusedAll(
  client: ImagebuilderClient,
  operation: OperationName,
  inputs: readonly object[],
): Promise<void> {
  for (const input of inputs) {
    const ended = await client.send(commandOf(operation, input)).then(
      () => undefined,
      (error: Error & { $metadata?: { httpStatusCode?: number } }) => error,
    );
    assert.ok(ended !== undefined, `${operation} was done: ${JSON.stringify(input)}`);
    // An invalid HTTP request never leaves the client.
    const status = ended.$metadata?.httpStatusCode ?? 400;
    assert.ok(
      status >= 400 && status < 500 && !/Idempotent|AlreadyExists/.test(ended.name),
      `${operation} ended with ${ended.name}: ${ended.message} for ${JSON.stringify(input)}`,
    );
  }
}

describe('operations', () => {
  for (const operation of OPERATIONS.keys()) {
    test(operation, async () => {
      const input = await CASES[operation].input(fixture);
      const named = namesIn(input);
      for (const { path, arn } of named) {
        const resource = await resourceOf(arn);
        const others = [...spellings(arn), ...(resource === arn ? [] : spellings(resource))]
          .filter((each) => each !== arn)
          .map((each) => withValue(input, path, each) as object);
        const { client } = await userWithout({ Resource: resource });
        await assert.rejects(
          client.send(commandOf(operation, input)),
          (error: Error) =>
            /AccessDenied/.test(error.name) ||
            CASES[operation].error === error.name ||
            /not authorized to use/.test(error.message),
          `${operation}: ${arn}`,
        );
        await refusedAll(client, operation, others);
        if (resource.includes(':aws:') || CASES[operation].error !== undefined) continue;
        await api.client.send(new TagResourceCommand({ resourceArn: resource, tags: { locked: 'yes' } }));
        const tagged = await userWithout({ Condition: { StringEquals: { 'aws:ResourceTag/locked': 'yes' } } });
        await refusedAll(tagged.client, operation, [input, ...others]);
      }
      for (const [member, type] of Object.entries(ID_TYPES)) {
        const id = (input as Record<string, string>)[member];
        if (id === undefined) continue;
        const { client } = await userWithout({ Resource: `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:${type}/${id}` });
        await refusedAll(
          client,
          operation,
          [id, id.toUpperCase(), `${id} `, `${id}/`, encodeURIComponent(`${id}/`)].map((each) => ({
            ...input,
            [member]: each,
          })),
        );
      }
      // Without the deny the request is good: it was the policy that refused it.
      const { client } = await userWithout({ Resource: 'arn:aws:imagebuilder:*:*:component/another' });
      const ended = await client.send(commandOf(operation, input)).then(
        () => undefined,
        (error: Error) => error.name,
      );
      assert.equal(ended, CASES[operation].error);
    });
  }
});

describe('what is made', () => {
  const arnOf = (tail: string): string => `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:${tail}`;
  const component = (name: string, semanticVersion: string) =>
    new CreateComponentCommand({ name, semanticVersion, platform: 'Linux', data: documentOf(`echo ${++serial}`) });
  const denied = { name: 'AccessDeniedException' };

  test('is denied by its slug and its version as numbers, with the build or without', async () => {
    for (const resource of [
      'component/web-app/1.0.0/*',
      'component/web-app/1.0.0/1',
      'component/web-app/01.00.0/1',
      'component/web-app/1.0.0',
    ]) {
      const { client } = await userWithout({ Action: 'imagebuilder:CreateComponent', Resource: arnOf(resource) });
      for (const [name, version] of [
        ['web-app', '1.0.0'],
        ['Web App', '1.0.0'],
        ['WEB_APP', '01.0.0'],
        ['web app', '1.00.000'],
      ] as const)
        await assert.rejects(client.send(component(name, version)), denied, `${name} ${version}`);
    }
    assert.equal(
      (await api.client.send(component('Web App', '01.00.0'))).componentBuildVersionArn,
      arnOf('component/web-app/1.0.0/1'),
    );
  });

  test('is denied by the version that it counts up to', async () => {
    const recipe = (semanticVersion: string) =>
      new CreateImageRecipeCommand({ name: 'counted', semanticVersion, parentImage: DEBIAN });
    await api.client.send(recipe('1.0.0'));
    const { client } = await userWithout({
      Action: 'imagebuilder:CreateImageRecipe',
      Resource: arnOf('image-recipe/counted/1.0.1'),
    });
    for (const version of ['1.0.1', '1.0.x', '01.0.x', '1.00.01'])
      await assert.rejects(client.send(recipe(version)), denied, version);
    await client.send(recipe('1.x.0'));
  });

  test('is an image of a recipe that is named by wildcards', async () => {
    const imageRecipeArn = (
      await api.client.send(
        new CreateImageRecipeCommand({ name: 'imaged', semanticVersion: '1.0.0', parentImage: DEBIAN }),
      )
    ).imageRecipeArn!;
    const { infrastructureConfigurationArn } = await api.client.send(
      new CreateInfrastructureConfigurationCommand({ name: 'imaged', instanceProfileName: 'p' }),
    );
    for (const resource of ['image/imaged/1.0.0/*', 'image/imaged/1.0.0/1']) {
      const { client } = await userWithout({ Action: 'imagebuilder:CreateImage', Resource: arnOf(resource) });
      for (const version of ['1.0.0', '01.0.0', '1.x.x', 'x.x.x']) {
        await assert.rejects(
          client.send(
            new CreateImageCommand({
              imageRecipeArn: imageRecipeArn.replace('1.0.0', version),
              infrastructureConfigurationArn,
            }),
          ),
          denied,
          version,
        );
      }
    }
  });
});

test('a policy may write a version with leading zeros, and a request too: they are one version', async () => {
  const componentBuildVersionArn = (
    await api.client.send(
      new CreateComponentCommand({
        name: 'dated',
        semanticVersion: '2026.01.05',
        platform: 'Linux',
        data: documentOf('true'),
      }),
    )
  ).componentBuildVersionArn!;
  assert.match(componentBuildVersionArn, /\/2026\.1\.5\/1$/);
  const written = componentBuildVersionArn.replace('2026.1.5', '2026.01.05');
  assert.equal(
    (await api.client.send(new GetComponentCommand({ componentBuildVersionArn: written }))).component?.arn,
    componentBuildVersionArn,
  );
  await api.client.send(new TagResourceCommand({ resourceArn: written, tags: { a: 'b' } }));
  assert.deepEqual(
    (await api.client.send(new ListTagsForResourceCommand({ resourceArn: componentBuildVersionArn }))).tags,
    { a: 'b' },
  );
  const { client } = await userWithout({ Resource: written });
  for (const arn of [written, componentBuildVersionArn])
    await assert.rejects(client.send(new GetComponentCommand({ componentBuildVersionArn: arn })), {
      name: 'AccessDeniedException',
    });
});

test('another partition is not found', async () => {
  await assert.rejects(
    api.client.send(
      new GetImageRecipeCommand({
        imageRecipeArn: `arn:aws-cn:imagebuilder:${REGION}:${ACCOUNT}:image-recipe/counted/1.0.0`,
      }),
    ),
    { name: 'ResourceNotFoundException' },
  );
});

test('what aws publishes is denied by wildcards, versions and builds alike', async () => {
  const hello = `arn:aws:imagebuilder:${REGION}:aws:component/hello-world-linux`;
  const full = (await api.client.send(new GetComponentCommand({ componentBuildVersionArn: `${hello}/x.x.x` })))
    .component!.arn!;
  for (const resource of [full, full.replace(/\/1$/, '')]) {
    const { client } = await userWithout({ Resource: resource });
    for (const arn of [full, full.replace(/\/1$/, ''), `${hello}/x.x.x`, `${hello}/1.x.x`])
      await assert.rejects(
        client.send(new GetComponentCommand({ componentBuildVersionArn: arn })),
        { name: 'AccessDeniedException' },
        arn,
      );
  }
  const { client } = await userWithout({ Resource: DEBIAN });
  for (const version of ['x.x.x', '1.x.x', '2026.1.1', '2026.01.01', '2026.1.1/1'])
    await assert.rejects(
      client.send(new GetImageCommand({ imageBuildVersionArn: DEBIAN.replace('x.x.x', version) })),
      { name: 'AccessDeniedException' },
      version,
    );
});

test('a list of builds is denied with any of the versions that it would show', async () => {
  const arns: string[] = [];
  for (const semanticVersion of ['1.0.0', '1.1.0'])
    arns.push(
      (
        await api.client.send(
          new CreateComponentCommand({ name: 'many', semanticVersion, platform: 'Linux', data: documentOf('true') }),
        )
      ).componentBuildVersionArn!,
    );
  for (const resource of [arns[0]!, arns[0]!.replace(/\/1$/, '')]) {
    const { client } = await userWithout({ Resource: resource });
    for (const version of ['1.0.0', '1.0.x', '1.x.x', 'x.x.x'])
      await assert.rejects(
        client.send(
          new ListComponentBuildVersionsCommand({ componentVersionArn: arns[0]!.replace('1.0.0/1', version) }),
        ),
        (error: Error) => error.name === 'AccessDeniedException' || /valid/.test(error.message),
        version,
      );
    await client.send(new ListComponentBuildVersionsCommand({ componentVersionArn: arns[1]!.replace(/\/1$/, '') }));
  }
});

describe('an image', () => {
  let image: string;
  let ami: string;
  before(async () => {
    ({ sourceImage: ami } = (await CASES.DistributeImage.input(fixture)) as { sourceImage: string });
    image = await resourceOf(ami);
    // What `image/golden` of the configuration is.
    const golden = image.replace(/image\/[^/]+\//, 'image/golden/');
    await api.catalog.db.updateTable('images').set({ slug: 'golden', arn: golden }).where('arn', '=', image).execute();
    await api.catalog.db.updateTable('amis').set({ image_arn: golden }).where('id', '=', ami).execute();
    image = golden;
  });
  const names = (): readonly string[] => [
    image,
    image.replace('1.0.0/1', 'x.x.x'),
    image.replace('1.0.0/1', '01.0.0'),
    image.replace('arn:aws:', 'arn:aws-cn:'),
    ami,
    'ssm:/golden',
    `ssm:arn:aws:ssm:${REGION}:${ACCOUNT}:parameter/golden`,
    DEBIAN.replace('debian-12-x86', 'windows-11'),
  ];
  const recipe = (parentImage: string) =>
    new CreateImageRecipeCommand({ name: `of-golden-${++serial}`, semanticVersion: '1.0.0', parentImage });

  test('is denied as a parent and as what is distributed, by whatever name', async () => {
    const { client } = await userWithout({ Resource: image });
    const { distributionConfigurationArn } = (await CASES.DistributeImage.input(fixture)) as {
      distributionConfigurationArn: string;
    };
    for (const name of names()) {
      await assert.rejects(
        client.send(recipe(name)),
        (error: Error) =>
          error.name === 'AccessDeniedException' ||
          /not authorized/.test(error.message) ||
          error.name === 'ResourceNotFoundException',
        name,
      );
      await assert.rejects(
        client.send(
          new DistributeImageCommand({ sourceImage: name, distributionConfigurationArn, executionRole: 'role' }),
        ),
        /AccessDenied|NotFound|InvalidParameterValue/,
        name,
      );
    }
    for (const name of names().filter((each) => !each.includes('aws-cn'))) await api.client.send(recipe(name));
  });

  test('is denied to be launched, by its ARN, its AMI, and where the AMI is denied', async () => {
    for (const resource of [image, `arn:aws:ec2:${REGION}:${ACCOUNT}:image/${ami}`]) {
      const { key } = await userWithout({ Resource: resource });
      for (const name of [...names().slice(0, 5), ami.toUpperCase(), `${ami} `]) {
        await assert.rejects(
          signedJson(
            { ...api.connectionOf('same'), credentials: key },
            { method: 'POST', path: '/ingot/instances', body: { image: name, publish: [], sshKeys: [] } },
          ),
          { code: /AccessDenied|NotFound|InvalidParameterValue/ } as never,
          name,
        );
      }
    }
  });

  test('a parameter has one name', async () => {
    const { client } = await userWithout({
      Action: 'ssm:GetParameter',
      Resource: `arn:aws:ssm:${REGION}:${ACCOUNT}:parameter/golden`,
    });
    for (const name of [
      '/golden',
      '//golden',
      'golden',
      ...['aws', 'aws-cn', 'AWS'].flatMap((partition) =>
        ['', ACCOUNT, '210987654321'].flatMap((account) =>
          [REGION, 'us-east-1'].map((region) => `arn:${partition}:ssm:${region}:${account}:parameter/golden`),
        ),
      ),
    ]) {
      await assert.rejects(client.send(recipe(`ssm:${name}`)), /not authorized|does not exist|no value/, name);
    }
  });

  test('an AMI is denied by the Region that it is in', async () => {
    const { key } = await userWithout({ Resource: `arn:aws:ec2:${REGION}:${ACCOUNT}:image/${ami}` });
    for (const region of [REGION, 'us-east-1']) {
      for (const query of [{}, { region: REGION }, { region: 'us-east-1' }] as readonly Record<string, string>[]) {
        await assert.rejects(
          signedJson(
            { ...api.connectionOf('same'), credentials: key, region },
            { method: 'DELETE', path: `/ingot/amis/${ami}`, query },
          ),
          { code: 'AccessDeniedException' },
          `${region} ${JSON.stringify(query)}`,
        );
      }
    }
  });
});

test('a role is passed under one name', async () => {
  const role = `arn:aws:iam::${ACCOUNT}:role/builder`;
  const { client } = await userWithout({ Action: 'iam:PassRole', Resource: role });
  const input = (await CASES.CreateImage.input(fixture)) as object;
  for (const executionRole of [
    'builder',
    role,
    role.replace('arn:aws:', 'arn:aws-cn:'),
    role.replace('arn:aws:', 'arn:aws-us-gov:'),
  ])
    await refusedAll(client, 'CreateImage', [{ ...input, executionRole }]);
});

describe("Ingot's own routes", () => {
  for (const route of ingotRoutes.filter(({ path, upgrade }) => path.includes(':arn') && !upgrade)) {
    test(`${route.method} ${route.path}`, async () => {
      const principal = `arn:aws:iam::${ACCOUNT}:user/r${++serial}`;
      const arn = route.path.startsWith('/ingot/principals')
        ? principal
        : route.path.startsWith('/ingot/images')
          ? ((await CASES.GetImage.input(fixture)) as { imageBuildVersionArn: string }).imageBuildVersionArn
          : ((await CASES.GetComponent.input(fixture)) as { componentBuildVersionArn: string })
              .componentBuildVersionArn;
      if (arn === principal && route.action !== 'ingot:CreatePrincipal')
        await signedJson(api.connectionOf('same'), {
          method: 'POST',
          path: `/ingot/principals/${encodeURIComponent(arn)}`,
          body: {},
        });
      const { key } = await userWithout({ Resource: arn });
      const as = { ...api.connectionOf('same'), credentials: key };
      const at = (text: string): string =>
        route.path.replace(':arn', text).replace(':name', 'p').replace(':id', 'AKIAIOSFODNN7EXAMPLE');
      const body = route.body === true ? { body: {} } : {};
      const refused = (path: string) =>
        assert.rejects(
          signedJson(as, { method: route.method, path, ...body }),
          (error: Error & { code?: string }) =>
            /AccessDenied|NotFound|InvalidParameter|UnknownOperation|Serialization|MethodNotAllowed|InvalidRequest/.test(
              error.code ?? '',
            ),
          path,
        );
      await assert.rejects(signedJson(as, { method: route.method, path: at(encodeURIComponent(arn)), ...body }), {
        code: 'AccessDeniedException',
      });
      for (const each of spellings(arn)) await refused(at(encodeURIComponent(each)));
      await refused(at(encodeURIComponent(encodeURIComponent(arn))));
      await refused(at(arn.replaceAll('/', '%2f')));
    });
  }
});
