/**
 * Every operation through the AWS SDK, against a server over a socket: what it answers to a good request, member by
 * member against the model, and each error that a request can provoke. `cases.ts` has the good requests. At the end all
 * errors of the model are counted: those that were not answered are in `INJECTED` (only faults of the server bring
 * them) or in `UNUSED` (nothing brings them here), and what is listed there was not answered.
 */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import type { ImagebuilderClient } from '@aws-sdk/client-imagebuilder';
import type { AwsCredentialIdentity } from '@smithy/types';
import { members, OPERATIONS, type Operation, type OperationName } from '../../src/api/model.ts';
import { API_DATA, matchesPattern } from '../../src/api/validate.ts';
import { signedJson } from '../../src/platform/api-client.ts';
import { DEFAULT_CONFIG, type QuotaName, type Rate } from '../../src/platform/config/config.ts';
import { NEWER_SHAPES } from '../../src/resources/newer-members.ts';
import { CASES, commandOf, type Fixture } from './cases.ts';
import { ACCOUNT, REGION, startApi, type TestApi } from './server.ts';

let api: TestApi;
let fixture: Fixture;
/** Of the server, which looks at them with each request. */
const quotas: Record<QuotaName, number | null> = {
  ...DEFAULT_CONFIG.quotas,
  components: null,
  concurrentBuilds: null,
  concurrentStateUpdates: null,
  imagePipelines: null,
  lifecyclePolicies: null,
};
const rates: { reads: Rate | null; writes: Rate | null; unsigned: null } = {
  reads: null,
  writes: null,
  unsigned: null,
};
/** Somebody whom nothing is allowed. */
let stranger: ImagebuilderClient;
/** Errors that were answered, `Operation: Error`. */
const seen = new Set<string>();
/** What the server answered last, as it came over the wire. */
let wire: { readonly status: number; readonly body: Record<string, unknown> };
before(async () => {
  api = await startApi({ quotas, rates });
  spyOn(api.client);
  const principal = `/ingot/principals/${encodeURIComponent(`arn:aws:iam::${ACCOUNT}:user/stranger`)}`;
  await signedJson(api.connectionOf('same'), { method: 'POST', path: principal, body: {} });
  stranger = api.clientWith(
    await signedJson<AwsCredentialIdentity>(api.connectionOf('same'), { method: 'POST', path: `${principal}/keys` }),
  );
  spyOn(stranger);
  fixture = {
    region: REGION,
    account: ACCOUNT,
    catalog: api.catalog,
    send: async (operation, input) =>
      (await api.client.send(commandOf(operation, input))) as unknown as Record<string, string>,
  };
});
after(() => api.close());

function spyOn(client: ImagebuilderClient): void {
  const handler = client.config.requestHandler;
  const handle = handler.handle.bind(handler);
  handler.handle = async (...parameters: Parameters<typeof handle>) => {
    const answer = await handle(...parameters);
    const text = Buffer.concat((await (answer.response.body as Readable).toArray()) as Buffer[]).toString();
    wire = { status: answer.response.statusCode, body: JSON.parse(text) as Record<string, unknown> };
    answer.response.body = Readable.from([Buffer.from(text)]);
    return answer;
  };
}

/** What the model says that answers hold, and the service does otherwise, as does Ingot. By shape, with the reason. */
const LOOSE: Readonly<Record<string, string>> = {
  VersionNumber: "an image's version has its build: 1.0.0/1; that of a managed image which is not made yet is x.x.x",
  WorkflowNameArn: "a summary of builds has the build's ARN",
};

/** Where a value is not of its shape. Unknown members and null are faults too. */
function misfits(shapeName: string, value: unknown, path: string): string[] {
  const shape = API_DATA.shapes[shapeName]!;
  const wrong = (what: string): string[] => [`${path} (${shapeName}) ${what}: ${JSON.stringify(value)?.slice(0, 80)}`];
  switch (shape.type) {
    case 'structure': {
      if (typeof value !== 'object' || value === null) return wrong('is no structure');
      const unknown = Object.keys(value)
        .filter((name) => shape.members?.[name] === undefined)
        .map((name) => `${path}.${name} is not in the model`);
      return [
        ...unknown,
        ...Object.entries(value).flatMap(([name, member]) =>
          shape.members?.[name] === undefined ? [] : misfits(shape.members[name].shape, member, `${path}.${name}`),
        ),
      ];
    }
    case 'list':
      return Array.isArray(value)
        ? value.flatMap((item, index) => misfits(shape.member!, item, `${path}[${index}]`))
        : wrong('is no list');
    case 'map':
      return typeof value === 'object' && value !== null
        ? Object.entries(value).flatMap(([key, item]) => misfits(shape.value!, item, `${path}.${key}`))
        : wrong('is no map');
    case 'boolean':
      return typeof value === 'boolean' ? [] : wrong('is no boolean');
    case 'timestamp':
      return typeof value === 'number' && value > 1e9 && value < 1e10 ? [] : wrong('is no number of seconds');
    case 'integer':
    case 'long':
    case 'double':
      return typeof value === 'number' ? [] : wrong('is no number');
    case 'string': {
      if (typeof value !== 'string') return wrong('is no string');
      if (LOOSE[shapeName] !== undefined) return [];
      if (shape.enum?.includes(value) === false) return wrong('is not of the enumeration');
      return shape.pattern !== undefined && !matchesPattern(shape.pattern, value) ? wrong('does not match') : [];
    }
  }
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

async function refused(operation: OperationName, input: object, client = api.client): Promise<string> {
  const error = await client.send(commandOf(operation, input)).then(
    () => undefined,
    (thrown: Error) => thrown,
  );
  assert.ok(error !== undefined, `${operation} takes ${JSON.stringify(input)}`);
  seen.add(`${operation}: ${error.name}`);
  return error.name;
}

describe('answers', () => {
  for (const operation of OPERATIONS.values()) {
    const { answer, error, input } = CASES[operation.name];
    test(operation.name, async () => {
      const request = {
        ...(await input(fixture)),
        ...(operation.idempotent ? { clientToken: `answer-${operation.name}` } : {}),
      };
      if (error !== undefined) return assert.equal(await refused(operation.name, request), error);
      await api.client.send(commandOf(operation.name, request));
      assert.equal(wire.status, operation.status);
      const { body } = wire;
      assert.deepEqual(misfits(API_DATA.operations[operation.name].output, body, ''), []);
      const has = (member: string): boolean => members(operation.output).has(member);
      assert.deepEqual(
        [...answer, ...(has('requestId') ? ['requestId'] : []), ...(has('clientToken') ? ['clientToken'] : [])].filter(
          (member) => body[member] === undefined,
        ),
        [],
      );
      if (has('requestId')) assert.match(String(body['requestId']), UUID);
      if (has('clientToken')) assert.equal(body['clientToken'], `answer-${operation.name}`);
      for (const [member, value] of Object.entries(body))
        if (Array.isArray(value) && !EMPTY.includes(operation.name)) assert.ok(value.length > 0, member);
    });
  }
});

/** Lists that have nothing to tell yet. */
const EMPTY: readonly OperationName[] = [
  'ListImageScanFindings',
  'ListImageScanFindingAggregations',
  'ListLifecycleExecutionResources',
];

/**
 * Errors that only faults of the server bring: they are injected in `src/api/server.test.ts` (a handler that fails, a
 * catalogue that another process keeps busy).
 */
const INJECTED: readonly string[] = ['ServiceException', 'ServiceUnavailableException'];

type Change = (input: Record<string, unknown>, fixture: Fixture) => Promise<object> | object;
type Provoked = readonly [error: string, operations: readonly OperationName[], change: Change];

const named = (test: (operation: Operation) => boolean): readonly OperationName[] =>
  [...OPERATIONS.values()]
    .filter((operation) => test(operation) && CASES[operation.name].error === undefined)
    .map(({ name }) => name);
const CREATES_ONCE = named(({ name }) => /^Create(?!Component|Workflow|Image$)/.test(name));
/** A member that names a resource: the ARN or id of one that is not there. */
const absent: Change = (input) =>
  Object.fromEntries(
    Object.entries(input).map(([name, value]) => [
      name,
      typeof value === 'string' && /(Arn|Id)$/.test(name) ? gone(value) : value,
    ]),
  );
const gone = (id: string): string =>
  id.startsWith('arn:')
    ? id.replace(/([^/:]+\/)?conformance-\d+/, '$1conformance-none')
    : `${id.slice(0, -4)}${id.endsWith('0000') ? '1' : '0'}000`;

/** Each error, the operations that answer it, and the change of a good request that provokes it. */
const ERRORS: readonly Provoked[] = [
  [
    'ResourceNotFoundException',
    named(
      ({ name }) =>
        /^(Get|Delete|Update|Put|Cancel|Retry|Send|Start)/.test(name) ||
        /^List(WorkflowExecutions|WorkflowStepExecutions|ImagePackages|ImagePipelineImages|LifecycleExecutions|LifecycleExecutionResources|TagsForResource)$/.test(
          name,
        ) ||
        /agResource$/.test(name),
    ),
    absent,
  ],
  ['ResourceNotFoundException', ['DistributeImage'], (input) => ({ ...input, sourceImage: 'ami-00000000000000000' })],
  [
    'ResourceAlreadyExistsException',
    [...CREATES_ONCE, 'CreateComponent', 'CreateWorkflow', 'ImportComponent'],
    async (input, f) => (await f.send(operationNow, input), input),
  ],
  [
    'InvalidPaginationTokenException',
    named(({ input }) => members(input).has('nextToken')),
    (input) => ({ ...input, nextToken: 'forged' }),
  ],
  [
    'InvalidVersionNumberException',
    named(({ input }) => members(input).has('semanticVersion')),
    (input) => ({ ...input, semanticVersion: '1073741824.0.0' }),
  ],
  [
    'InvalidParameterCombinationException',
    ['CreateComponent', 'CreateWorkflow', 'ImportComponent'],
    (input) => ({ ...input, uri: 's3://b/k' }),
  ],
  [
    'InvalidParameterCombinationException',
    ['CreateContainerRecipe'],
    (input) => ({ ...input, dockerfileTemplateUri: 's3://b/k' }),
  ],
  [
    'InvalidParameterCombinationException',
    ['CreateImage', 'CreateImagePipeline', 'UpdateImagePipeline'],
    (input) => ({
      ...input,
      containerRecipeArn: `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:container-recipe/web/1.0.0`,
    }),
  ],
  [
    'InvalidParameterCombinationException',
    ['CreateInfrastructureConfiguration', 'UpdateInfrastructureConfiguration'],
    (input) => ({ ...input, subnetId: 'subnet-1' }),
  ],
  [
    'InvalidParameterValueException',
    named(({ input }) => members(input).has('name')),
    (input) => ({ ...input, name: '?' }),
  ],
  [
    'InvalidParameterValueException',
    named(({ input }) => members(input).has('filters')),
    (input) => ({ ...input, filters: [{ name: 'nonsense', values: ['x'] }] }),
  ],
  [
    'InvalidParameterValueException',
    named(({ input }) => members(input).has('maxResults')),
    (input) => ({ ...input, maxResults: 26 }),
  ],
  [
    'InvalidParameterValueException',
    named(({ name }) => name.startsWith('Put')),
    (input) => ({ ...input, policy: 'no JSON' }),
  ],
  ['InvalidParameterException', ['TagResource'], (input) => ({ ...input, tags: { 'aws:reserved': 'x' } })],
  [
    'InvalidParameterException',
    ['ListTagsForResource', 'UntagResource'],
    (input) => ({ ...input, resourceArn: 'arn:aws:s3:::bucket' }),
  ],
  ['ClientException', ['ImportVmImage'], (input) => ({ ...input, vmImportTaskId: 'import-ami-none' })],
  [
    'DryRunOperationException',
    // The SDK's client sends no member that is newer than itself: src/api/server.test.ts asks for those.
    named(
      ({ name, input }) =>
        members(input).has('dryRun') && NEWER_SHAPES[`${name}Request`]?.members?.['dryRun'] === undefined,
    ),
    (input) => ({ ...input, dryRun: true }),
  ],
  ['InvalidRequestException', ['StartResourceStateUpdate'], (input) => ({ ...input, executionRole: 'role' })],
  ['InvalidRequestException', ['CancelImageCreation'], (_input, f) => CASES.DeleteImage.input(f)],
  // What would be dangerous to ignore is refused.
  [
    'InvalidRequestException',
    ['CreateImage', 'DistributeImage'],
    async (input, f) => ({ ...input, distributionConfigurationArn: await encrypted(f) }),
  ],
  [
    'InvalidRequestException',
    ['StartImagePipelineExecution'],
    async (_input, f) => {
      const build = (await CASES.CreateImage.input(f)) as Record<string, unknown>;
      return {
        imagePipelineArn: (
          await f.send('CreateImagePipeline', {
            name: `encrypted-${++holders}`,
            ...build,
            distributionConfigurationArn: await encrypted(f),
          })
        )['imagePipelineArn'],
      };
    },
  ],
  [
    'InvalidRequestException',
    ['RetryImage', 'CancelLifecycleExecution', 'SendWorkflowStepAction'],
    async (input, f) => (await f.send(operationNow, input), input),
  ],
  [
    'ResourceInUseException',
    ['StartResourceStateUpdate'],
    async (input, f) => (await f.send(operationNow, input), input),
  ],
  [
    'ResourceInUseException',
    ['DeleteImage', 'RetryImage'],
    async (input, f) => {
      const resourceArn = (input as { imageBuildVersionArn: string }).imageBuildVersionArn;
      await f.catalog.db
        .insertInto('lifecycle_executions')
        .values({
          id: `lce-${crypto.randomUUID()}`,
          account: ACCOUNT,
          region: REGION,
          image_arn: resourceArn,
          policy_arn: null,
          status: 'IN_PROGRESS',
          reason: null,
          request: '{}',
          due: '',
          created: '',
          start_time: null,
          end_time: null,
        })
        .execute();
      return input;
    },
  ],
  [
    'ResourceDependencyException',
    ['DeleteComponent', 'DeleteImage'],
    async (input, f) => {
      const { componentBuildVersionArn, imageBuildVersionArn } = input as Record<string, string>;
      const parentImage = imageBuildVersionArn ?? `arn:aws:imagebuilder:${REGION}:aws:image/debian-12-x86/x.x.x`;
      const component =
        componentBuildVersionArn ?? `arn:aws:imagebuilder:${REGION}:aws:component/hello-world-linux/x.x.x`;
      await f.send('CreateImageRecipe', {
        name: `holds-${++holders}`,
        semanticVersion: '1.0.0',
        parentImage,
        components: [{ componentArn: component }],
      });
      return input;
    },
  ],
  [
    'ResourceDependencyException',
    [
      'DeleteImageRecipe',
      'DeleteContainerRecipe',
      'DeleteInfrastructureConfiguration',
      'DeleteDistributionConfiguration',
      'DeleteWorkflow',
    ],
    async (input, f) => {
      const { workflowBuildVersionArn, containerRecipeArn, imageRecipeArn, ...rest } = input as Record<string, string>;
      const build = (await CASES.CreateImage.input(f)) as Record<string, string>;
      await f.send('CreateImagePipeline', {
        name: `holds-${++holders}`,
        ...build,
        tags: undefined,
        ...rest,
        ...(containerRecipeArn
          ? { imageRecipeArn: undefined, containerRecipeArn }
          : imageRecipeArn
            ? { imageRecipeArn }
            : {}),
        ...(workflowBuildVersionArn
          ? { executionRole: 'role', workflows: [{ workflowArn: workflowBuildVersionArn }] }
          : {}),
      });
      return input;
    },
  ],
];

const encrypted = async (f: Fixture): Promise<string> =>
  (
    await f.send('CreateDistributionConfiguration', {
      name: `encrypted-${++holders}`,
      distributions: [{ region: REGION, amiDistributionConfiguration: { kmsKeyId: 'alias/key' } }],
    })
  )['distributionConfigurationArn']!;

/** The quota that refuses each operation. */
const QUOTAS: Partial<Record<OperationName, QuotaName>> = {
  CreateComponent: 'components',
  ImportComponent: 'components',
  CreateImageRecipe: 'imageRecipes',
  CreateContainerRecipe: 'containerRecipes',
  CreateInfrastructureConfiguration: 'infrastructureConfigurations',
  CreateDistributionConfiguration: 'distributionConfigurations',
  CreateWorkflow: 'workflows',
  CreateImagePipeline: 'imagePipelines',
  CreateLifecyclePolicy: 'lifecyclePolicies',
  CreateImage: 'concurrentBuilds',
  StartImagePipelineExecution: 'concurrentBuilds',
  RetryImage: 'concurrentBuilds',
  DistributeImage: 'concurrentBuilds',
  StartResourceStateUpdate: 'concurrentStateUpdates',
};
/** Operations that change one thing, which may come with the service. */
const CHANGES = named(({ name }) =>
  /^(Delete|Update|Put|Cancel(?!Lifecycle)|Retry|StartImage|StartResource|TagResource|UntagResource)/.test(name),
);

let holders = 0;
let operationNow: OperationName;

describe('errors', () => {
  for (const { name } of OPERATIONS.values()) {
    test(`${name}: AccessDeniedException`, async () => {
      assert.equal(await refused(name, await CASES[name].input(fixture), stranger), 'AccessDeniedException');
      assert.match(
        String(wire.body['message']),
        new RegExp(`is not authorized to perform: imagebuilder:${name} on resource: `),
      );
    });
    test(`${name}: TooManyRequestsException`, async () => {
      const input = await CASES[name].input(fixture);
      Object.assign(rates, { reads: { perSecond: 1, burst: 0 }, writes: { perSecond: 1, burst: 0 } });
      const error = await refused(name, input).finally(() => Object.assign(rates, { reads: null, writes: null }));
      assert.deepEqual([error, wire.status], ['TooManyRequestsException', 429]);
    });
  }

  for (const [name, quota] of Object.entries(QUOTAS) as [OperationName, QuotaName][]) {
    test(`${name}: ServiceQuotaExceededException`, async () => {
      const input = await CASES[name].input(fixture);
      const usual = quotas[quota];
      quotas[quota] = 0;
      const error = await refused(name, input).finally(() => (quotas[quota] = usual));
      assert.deepEqual([error, wire.status], ['ServiceQuotaExceededException', 402]);
    });
  }

  for (const name of CHANGES) {
    test(`${name}: ForbiddenException`, async () => {
      const input = (await CASES[name].input(fixture)) as Record<string, unknown>;
      const of = Object.entries(input).find(([member]) => /Arn$/.test(member))!;
      assert.equal(
        await refused(name, { ...input, [of[0]]: String(of[1]).replace(`:${ACCOUNT}:`, ':aws:') }),
        'ForbiddenException',
      );
    });
  }

  for (const [error, operations, change] of ERRORS) {
    for (const name of operations) {
      test(`${name}: ${error}`, async () => {
        operationNow = name;
        const input = await change((await CASES[name].input(fixture)) as Record<string, unknown>, fixture);
        assert.equal(await refused(name, input), error);
        assert.equal(wire.body['__type'], error);
        assert.ok(String(wire.body['message']).length > 10);
      });
    }
  }

  for (const { name, idempotent, input } of OPERATIONS.values()) {
    const required =
      API_DATA.shapes[API_DATA.operations[name].input]!.required?.filter(
        (member) =>
          member !== 'clientToken' &&
          API_DATA.shapes[API_DATA.operations[name].input]!.members![member]!.location !== 'uri',
      ) ?? [];
    if (required.length > 0) {
      test(`${name} without ${required[0]}`, async () => {
        const { [required[0]!]: _, ...rest } = (await CASES[name].input(fixture)) as Record<string, unknown>;
        assert.equal(
          await refused(name, rest),
          API_DATA.operations[name].errors.includes('InvalidParameterException')
            ? 'InvalidParameterException'
            : 'InvalidParameterValueException',
        );
        assert.match(String(wire.body['message']), new RegExp(`'${required[0]}'`));
      });
    }
    if (!idempotent || CASES[name].error !== undefined) continue;
    test(`${name}: the same client token, with the same and with other parameters`, async () => {
      const request = {
        ...((await CASES[name].input(fixture)) as Record<string, unknown>),
        clientToken: `token-${name}`,
      };
      await api.client.send(commandOf(name, request));
      const first = { ...wire.body, requestId: '' };
      await api.client.send(commandOf(name, request));
      assert.deepEqual({ ...wire.body, requestId: '' }, first);
      const other = members(input).has('tags')
        ? { tags: { other: 'x' } }
        : members(input).has('description')
          ? { description: 'other' }
          : await CASES[name].input(fixture);
      assert.equal(await refused(name, { ...request, ...other }), 'IdempotentParameterMismatchException');
    });
  }

  test('of the model were all answered, but for those that nothing can bring about here', () => {
    const open: string[] = [];
    for (const { name, idempotent } of OPERATIONS.values()) {
      for (const error of API_DATA.operations[name].errors) {
        if (INJECTED.includes(error)) continue;
        const answered = seen.has(`${name}: ${error}`);
        const unused = UNUSED[error]?.test(name) === true;
        // A token of an operation that answers nothing but an error is never used.
        if (error === 'IdempotentParameterMismatchException' && idempotent && CASES[name].error !== undefined) continue;
        if (answered === unused)
          open.push(`${name}: ${error} ${answered ? 'was answered, and is listed as unused' : 'was never answered'}`);
      }
    }
    assert.deepEqual(open, []);
  });
});

/** Modelled errors that operations have no occasion for here, by the operations' names. */
const UNUSED: Readonly<Record<string, RegExp>> = {
  // TooManyRequestsException says it: SDKs know that one by its name, and wait.
  CallRateLimitExceededException: /./,
  // A more exact code says it.
  ClientException: /^(?!Import(?:Disk|Vm)Image$)/,
  InvalidRequestException: /^(Get(?!MarketplaceResource$)|List|Delete|Put|Update|Import|Create(?!Image$))/,
  // What others own is not there for those who may not (AccessDeniedException); what comes with the service is named by
  // no such request.
  ForbiddenException: /^(Get|List|Create|Import|Distribute|SendWorkflow|CancelLifecycle)/,
  // Two requests at once follow one another.
  ResourceInUseException: /^(Create|Import|Update|Cancel|SendWorkflow|StartImagePipeline|Distribute)/,
  // Nothing refers to these.
  ResourceDependencyException: /^Delete(ImagePipeline|LifecyclePolicy)$/,
  // Their members go together in any combination.
  InvalidParameterCombinationException: /^((Create|Update)DistributionConfiguration|UpdateLifecyclePolicy)$/,
};
