/** What surrounds a handler, and the SDK as a client. */
import { strict as assert } from 'node:assert';
import { afterEach, beforeEach, describe, test } from 'node:test';
import {
  CreateComponentCommand,
  GetComponentCommand,
  ImagebuilderClient,
  ImagebuilderServiceException,
  InvalidParameterException,
  InvalidParameterValueException,
  InvalidRequestException,
  ListTagsForResourceCommand,
  ResourceNotFoundException,
  TagResourceCommand,
  UntagResourceCommand,
  type CreateComponentCommandInput,
} from '@aws-sdk/client-imagebuilder';
import { resourceNotFound } from '../resources/errors.ts';
import type { Handler } from './context.ts';
import { KEY, COMPONENT, catalog, app, counts, api, call, assertError, component } from '../../test/harness/api-app.ts';

describe('around a handler', () => {
  /** Writes a row, and returns how many times it ran. */
  const create: Handler<'CreateComponent'> = async ({ name }, { db, afterCommit, services, region }) => {
    counts.runs++;
    await db
      .insertInto('tags')
      .values({ arn: `${region}/${name}`, key: String(counts.runs), value: '' })
      .execute();
    afterCommit(services.wakeWorker);
    if (name === 'refused') throw resourceNotFound(name);
    return { componentBuildVersionArn: `arn-${counts.runs}` };
  };
  const rows = async (arn: string): Promise<number> =>
    (await catalog.db.selectFrom('tags').select('key').where('arn', '=', arn).execute()).length;
  beforeEach(() => void api({ CreateComponent: create }));
  afterEach(() => catalog.db.deleteFrom('tags').execute());
  afterEach(() => catalog.db.deleteFrom('client_tokens').execute());

  test('the response has request id and client token, and the worker is woken after the commit', async () => {
    const response = await call('PUT', '/CreateComponent', { body: component });
    assert.equal(response.statusCode, 200, response.body);
    assert.deepEqual(response.json(), {
      requestId: response.headers['x-amzn-requestid'],
      clientToken: 'one',
      componentBuildVersionArn: 'arn-1',
    });
    assert.equal(counts.wakes, 1);
    assert.equal(await rows('us-east-1/web'), 1);
  });

  test('an error rolls back what was written and wakes no worker', async () => {
    assertError(
      await call('PUT', '/CreateComponent', { body: { ...component, name: 'refused' } }),
      404,
      'ResourceNotFoundException',
    );
    assert.equal(await rows('us-east-1/refused'), 0);
    assert.equal(counts.wakes, 0);
  });

  test('a repeated token gets the first response, with a new request id', async () => {
    const first = await call('PUT', '/CreateComponent', { body: component });
    const { name, ...others } = component;
    const second = await call('PUT', '/CreateComponent', { body: { ...others, name } });
    assert.deepEqual(second.json(), { ...(first.json() as object), requestId: second.headers['x-amzn-requestid'] });
    assert.notEqual(second.headers['x-amzn-requestid'], first.headers['x-amzn-requestid']);
    assert.deepEqual([counts.runs, counts.wakes], [1, 1]);
  });

  test('the same token at the same moment runs once', async () => {
    const responses = await Promise.all(
      Array.from({ length: 8 }, () => call('PUT', '/CreateComponent', { body: component })),
    );
    assert.deepEqual(
      new Set(responses.map((response) => (response.json() as Record<string, string>)['componentBuildVersionArn'])),
      new Set(['arn-1']),
    );
    assert.equal(counts.runs, 1);
  });

  test('a token with other parameters is rejected; another Region is independent', async () => {
    await call('PUT', '/CreateComponent', { body: component });
    assertError(
      await call('PUT', '/CreateComponent', { body: { ...component, data: 'y' } }),
      400,
      'IdempotentParameterMismatchException',
    );
    assert.equal(
      (await call('PUT', '/CreateComponent', { body: { ...component, data: 'y' }, region: 'eu-west-1' })).statusCode,
      200,
    );
  });

  test('a token of a failed request can be used again', async () => {
    let fail = true;
    api({
      CreateComponent: async (input, context) => {
        if (fail) throw resourceNotFound('x');
        return create(input, context);
      },
    });
    await call('PUT', '/CreateComponent', { body: component });
    fail = false;
    assert.equal((await call('PUT', '/CreateComponent', { body: component })).statusCode, 200);
  });

  test('a dry run finds the faults and leaves nothing behind', async () => {
    assertError(
      await call('PUT', '/CreateComponent', { body: { ...component, dryRun: true } }),
      412,
      'DryRunOperationException',
      /^Request would have succeeded, but dryRun flag is set\.$/,
    );
    assertError(
      await call('PUT', '/CreateComponent', { body: { ...component, name: 'refused', dryRun: true } }),
      404,
      'ResourceNotFoundException',
    );
    assert.deepEqual([await rows('us-east-1/web'), counts.wakes], [0, 0]);
    assert.equal((await call('PUT', '/CreateComponent', { body: component })).statusCode, 200);
  });
});

describe('the SDK as a client', () => {
  let client: ImagebuilderClient;
  let endpoint: string;
  beforeEach(async () => {
    api({
      GetComponent: async ({ componentBuildVersionArn }) => {
        throw resourceNotFound(componentBuildVersionArn);
      },
      CreateComponent: async (_input, { region }) => ({ componentBuildVersionArn: region }),
      TagResource: async ({ resourceArn, tags }) => {
        tagged = [resourceArn, tags];
        return {};
      },
      UntagResource: async ({ resourceArn, tagKeys }) => {
        tagged = [resourceArn, tagKeys];
        return {};
      },
      ListTagsForResource: async ({ resourceArn }) => ({ tags: { resourceArn } }),
    });
    endpoint = await app.listen({ host: '127.0.0.1', port: 0 });
    client = new ImagebuilderClient({ endpoint, region: 'eu-central-1', credentials: KEY, maxAttempts: 1 });
  });
  afterEach(() => client.destroy());
  let tagged: unknown;

  test('reads responses, with the Region of its signature', async () => {
    const { $metadata, requestId, clientToken, componentBuildVersionArn } = await client.send(
      new CreateComponentCommand(component as CreateComponentCommandInput),
    );
    assert.equal($metadata.requestId, requestId);
    assert.deepEqual([clientToken, componentBuildVersionArn], ['one', 'eu-central-1']);
  });

  test('tags go with the ARN in the path', async () => {
    assert.deepEqual((await client.send(new ListTagsForResourceCommand({ resourceArn: COMPONENT }))).tags, {
      resourceArn: COMPONENT,
    });
    await client.send(new TagResourceCommand({ resourceArn: COMPONENT, tags: { 'a b': 'é/+' } }));
    assert.deepEqual(tagged, [COMPONENT, { 'a b': 'é/+' }]);
    await client.send(new UntagResourceCommand({ resourceArn: COMPONENT, tagKeys: ['a b', 'c+d=e'] }));
    assert.deepEqual(tagged, [COMPONENT, ['a b', 'c+d=e']]);
  });

  test('recognizes errors by their names', async () => {
    const get = (arn: string): Promise<unknown> =>
      client.send(new GetComponentCommand({ componentBuildVersionArn: arn }));
    await assert.rejects(
      get(COMPONENT),
      (error) =>
        error instanceof ResourceNotFoundException &&
        error.message.includes(COMPONENT) &&
        error.$metadata.httpStatusCode === 404,
    );
    await assert.rejects(
      get('x'),
      (error) => error instanceof InvalidParameterValueException && /must match pattern/.test(error.message),
    );
    await assert.rejects(client.send(new ListTagsForResourceCommand({ resourceArn: 'x' })), InvalidParameterException);
    await assert.rejects(
      client.send(new CreateComponentCommand({ ...component, name: undefined } as CreateComponentCommandInput)),
      InvalidParameterValueException,
    );
    const stranger = new ImagebuilderClient({
      endpoint: endpoint,
      region: 'us-east-1',
      credentials: { ...KEY, secretAccessKey: 'guess' },
      maxAttempts: 1,
    });
    await assert.rejects(
      stranger.send(new GetComponentCommand({ componentBuildVersionArn: COMPONENT })),
      (error) =>
        error instanceof ImagebuilderServiceException &&
        error.name === 'InvalidSignatureException' &&
        error.$metadata.httpStatusCode === 403,
    );
    stranger.destroy();
    assert.ok(new InvalidRequestException({ message: '', $metadata: {} }) instanceof ImagebuilderServiceException);
  });
});
