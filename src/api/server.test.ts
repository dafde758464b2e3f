/** The wire: signatures, paths, bodies, unknown and newer members. */
import { strict as assert } from 'node:assert';
import { request as httpRequest } from 'node:http';
import { describe, test } from 'node:test';
import { unknownMembersOf } from '../catalog/unknown-members.ts';
import { BODY_LIMIT } from './error-responses.ts';
import { COMPONENT, catalog, app, api, signed, call, assertError, component } from '../../test/harness/api-app.ts';

describe('the wire', () => {
  test('unsigned requests are rejected, for existing and for missing resources', async () => {
    for (const url of ['/GetImage?imageBuildVersionArn=x', '/nothing', '/ingot/server']) {
      assertError(
        await app.inject({ url, headers: { host: 'localhost' } }),
        403,
        'MissingAuthenticationTokenException',
      );
    }
  });

  test('unknown paths and methods', async () => {
    assertError(await call('GET', '/Nothing'), 404, 'UnknownOperationException', /GET \/Nothing/);
    assertError(await call('GET', '/CreateComponent'), 405, 'UnknownOperationException', /takes PUT, not GET/);
    assertError(
      await call('PUT', `/tags/${encodeURIComponent(COMPONENT)}`, { body: '{}' }),
      405,
      'UnknownOperationException',
      /takes DELETE, GET, POST/,
    );
    assertError(await call('POST', '/ingot/server'), 405, 'UnknownOperationException', /takes GET/);
  });

  test('a path that a signature does not cover exactly is rejected', async () => {
    const endpoint = await app.listen({ host: '127.0.0.1', port: 0 });
    for (const path of ['/tags/a/../b', '/tags/a//b', '/tags/./b', '//tags/b', '/ingot/./server']) {
      const { headers } = await signed('GET', path);
      const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
      httpRequest(endpoint, { path, headers, agent: false }, (response) => resolve(response.resume().statusCode))
        .once('error', reject)
        .end();
      assert.equal(await promise, 404, path);
    }
  });

  test('bodies that cannot be parsed', async () => {
    assertError(await call('PUT', '/CreateComponent', { body: '{' }), 400, 'SerializationException', /not valid JSON/);
    assertError(
      await call('PUT', '/CreateComponent', { body: { ...component, name: 5 } }),
      400,
      'SerializationException',
      /'name'.*not the number 5/,
    );
    assertError(
      await call('PUT', '/CreateComponent', { body: 'x'.repeat(BODY_LIMIT + 1) }),
      413,
      'RequestEntityTooLargeException',
    );
    assertError(
      await call('PUT', '/CreateComponent', { body: { ...component, platform: 'BeOS' } }),
      400,
      'InvalidParameterValueException',
      /'platform'/,
    );
    assertError(await call('GET', '/tags/%25'), 400, 'InvalidParameterException');
  });

  test('any content type, or none, is accepted', async () => {
    api({ CreateComponent: async () => ({}) });
    for (const headers of [
      {},
      { 'content-type': 'application/x-amz-json-1.1' },
      { 'content-type': 'nonsense' },
    ] as Record<string, string>[]) {
      const response = await call('PUT', '/CreateComponent', {
        body: { ...component, clientToken: JSON.stringify(headers) },
        headers,
      });
      assert.equal(response.statusCode, 200, response.body);
    }
  });

  test('an unexpected error of a handler is answered with its request id only', async () => {
    api({
      GetComponent: async () => {
        throw new Error('SELECT secret');
      },
    });
    const response = await call('GET', `/GetComponent?componentBuildVersionArn=${encodeURIComponent(COMPONENT)}`);
    assertError(response, 500, 'ServiceException', new RegExp(String(response.headers['x-amzn-requestid'])));
    assert.doesNotMatch(response.body, /secret/);
  });

  test('a catalogue that another process keeps busy is not a failure: clients retry', async () => {
    api({
      GetComponent: async () => {
        throw Object.assign(new Error('database is locked'), { code: 'ERR_SQLITE_ERROR', errcode: 5 });
      },
    });
    assertError(
      await call('GET', `/GetComponent?componentBuildVersionArn=${encodeURIComponent(COMPONENT)}`),
      503,
      'ServiceUnavailableException',
    );
  });
});

test('a dry run that only newer clients know changes nothing', async () => {
  const configuration = { name: 'web', instanceProfileName: 'p', clientToken: 'newer' };
  assertError(
    await call('PUT', '/CreateInfrastructureConfiguration', { body: { ...configuration, dryRun: true } }),
    412,
    'DryRunOperationException',
  );
  assertError(
    await call('PUT', '/CreateInfrastructureConfiguration', { body: { ...configuration, dryRun: 'yes' } }),
    400,
    'SerializationException',
    /'dryRun'.*true or false/,
  );
  assertError(
    await call('PUT', '/CreateInfrastructureConfiguration', { body: { ...configuration, name: '?', dryRun: true } }),
    400,
    'InvalidParameterValueException',
  );
  assert.equal(
    (await call('PUT', '/CreateInfrastructureConfiguration', { body: { ...configuration, dryRun: false } })).statusCode,
    200,
  );
});

test('members newer than the SDK are validated, stored and returned', async () => {
  const newer = {
    parentInstance: { autoScalingGroup: { name: 'warm', capacityWaitTimeoutSeconds: 60 } },
    terminateInstanceOnCompletion: false,
  };
  const body = { name: 'newer members', instanceProfileName: 'p', clientToken: 'newer-members', ...newer };
  const created = await call('PUT', '/CreateInfrastructureConfiguration', { body });
  assert.equal(created.statusCode, 200, created.body);
  assert.equal(created.headers['x-ingot-warning'], undefined);
  const { infrastructureConfigurationArn: arn } = created.json() as { infrastructureConfigurationArn: string };
  const found = await call('GET', `/GetInfrastructureConfiguration?infrastructureConfigurationArn=${arn}`);
  const { parentInstance, terminateInstanceOnCompletion } = (
    found.json() as { infrastructureConfiguration: typeof newer }
  ).infrastructureConfiguration;
  assert.deepEqual({ parentInstance, terminateInstanceOnCompletion }, newer);
  assertError(
    await call('PUT', '/CreateInfrastructureConfiguration', {
      body: { ...body, name: 'n2', clientToken: 'n2', parentInstance: { autoScalingGroup: {} } },
    }),
    400,
    'InvalidParameterValueException',
    /parentInstance\.autoScalingGroup\.name/,
  );
});

test('an unknown member is named in the response and kept for the logs of images', async () => {
  const body = { name: 'unknown', instanceProfileName: 'p', clientToken: 'unknown' };
  const unknown = { scanGate: { level: 'HIGH' }, instanceMetadataOptions: { httpTokens: 'required', 'späte\n': 1 } };
  const created = await call('PUT', '/CreateInfrastructureConfiguration', { body: { ...body, ...unknown } });
  assert.equal(created.statusCode, 200, created.body);
  assert.match(
    String(created.headers['x-ingot-warning']),
    /does not know it: instanceMetadataOptions\.sp\?te\?, scanGate$/,
  );
  const { infrastructureConfigurationArn: arn } = created.json() as { infrastructureConfigurationArn: string };
  const remembered = async (): Promise<string[]> =>
    (await unknownMembersOf(catalog.db, [arn])).map(({ member }) => member);
  assert.deepEqual(await remembered(), ['instanceMetadataOptions.sp?te?', 'scanGate']);
  const update = { infrastructureConfigurationArn: arn, instanceProfileName: 'p', clientToken: 'unknown-2' };
  assert.equal((await call('PUT', '/UpdateInfrastructureConfiguration', { body: update })).statusCode, 200);
  assert.deepEqual(await remembered(), []);
});
