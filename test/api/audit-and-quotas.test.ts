/** What calls leave in the audit log, and what quotas and rates of the config refuse. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  CreateComponentCommand,
  CreateImageRecipeCommand,
  CreateInfrastructureConfigurationCommand,
  GetComponentCommand,
  ImagebuilderClient,
  ListComponentsCommand,
} from '@aws-sdk/client-imagebuilder';
import { ingotRoutes } from '../../src/api/ingot/register.ts';
import type { AuditEvent } from '../../src/catalog/audit-log.ts';
import { recordsOf, signedJson, signedRequest } from '../../src/platform/api-client.ts';
import { DEFAULT_CONFIG } from '../../src/platform/config/config.ts';
import { sendRaw } from './raw.ts';
import { ACCOUNT, DEBIAN, documentOf, REGION, startApi, type TestApi } from './server.ts';

let api: TestApi;
before(async () => {
  api = await startApi({
    quotas: { ...DEFAULT_CONFIG.quotas, components: 3, infrastructureConfigurations: 0, componentsPerRecipe: 1 },
  });
});
after(() => api.close());

async function events(query: Record<string, string> = {}, account: 'same' | 'other' = 'same'): Promise<AuditEvent[]> {
  const found: AuditEvent[] = [];
  for await (const event of recordsOf<AuditEvent>(
    await signedRequest(api.connectionOf(account), { method: 'GET', path: '/ingot/audit', query }),
  ))
    found.push(event);
  return found;
}
const component = (name: string, more: object = {}) =>
  new CreateComponentCommand({
    name,
    semanticVersion: '1.0.0',
    platform: 'Linux',
    data: documentOf('echo hunter2'),
    ...more,
  });

describe('the audit log', () => {
  test('has every call with who, what, whence and how it ended; no document in it', async () => {
    const { componentBuildVersionArn: arn } = await api.client.send(component('audited'));
    await assert.rejects(
      api.client.send(new GetComponentCommand({ componentBuildVersionArn: arn!.replace('audited', 'missing') })),
    );
    await fetch(`http://127.0.0.1:${api.connectionOf('same').port}/nothing`);
    await signedJson(api.connectionOf('same'), {
      method: 'POST',
      path: `/ingot/principals/${encodeURIComponent(`arn:aws:iam::${ACCOUNT}:user/u`)}`,
      body: {},
    });
    const { secretAccessKey } = await signedJson<{ secretAccessKey: string }>(api.connectionOf('same'), {
      method: 'POST',
      path: `/ingot/principals/${encodeURIComponent(`arn:aws:iam::${ACCOUNT}:user/u`)}/keys`,
    });
    await api.clientOf('other', REGION).send(new ListComponentsCommand({}));

    const all = await events();
    const [created, missing, unsigned] = all;
    assert.deepEqual(created!.userIdentity, {
      type: 'Root',
      principalId: ACCOUNT,
      arn: `arn:aws:iam::${ACCOUNT}:root`,
      accountId: ACCOUNT,
      accessKeyId: 'AKIDTEST',
    });
    assert.equal(created!.eventSource, 'imagebuilder.amazonaws.com');
    assert.equal(created!.eventName, 'CreateComponent');
    assert.equal(created!.awsRegion, REGION);
    assert.equal(created!.sourceIPAddress, '127.0.0.1');
    assert.match(created!.userAgent!, /aws-sdk-js/);
    assert.equal((created!.requestParameters as Record<string, string>)['data'], 'HIDDEN_DUE_TO_SECURITY_REASONS');
    assert.equal((created!.responseElements as Record<string, string>)['componentBuildVersionArn'], arn);
    assert.equal((created!.responseElements as Record<string, string>)['requestId'], created!.requestID);
    assert.equal(created!.readOnly, false);
    assert.deepEqual(
      [missing!.eventName, missing!.errorCode, missing!.readOnly],
      ['GetComponent', 'ResourceNotFoundException', true],
    );
    assert.deepEqual(
      [unsigned!.userIdentity, unsigned!.errorCode],
      [{ type: 'Unknown' }, 'MissingAuthenticationTokenException'],
    );
    assert.ok(!JSON.stringify(all).includes('hunter2'));
    assert.ok(!JSON.stringify(all).includes(secretAccessKey));
    assert.deepEqual(
      (await events({}, 'other')).map(({ eventName }) => eventName),
      ['ListComponents'],
    );
  });

  test('has every call, whatever its parameters are; a body is refused where none belongs, and one that is too deep', async () => {
    const deep = `{"deep":${'['.repeat(5000)}${']'.repeat(5000)}}`;
    const values: Readonly<Record<string, string>> = {
      arn: encodeURIComponent(`arn:aws:iam::${ACCOUNT}:user/deep`),
      id: 'i-0123456789abcdef0',
      name: 'p',
    };
    await signedJson(api.connectionOf('same'), {
      method: 'POST',
      path: `/ingot/principals/${values['arn']}`,
      body: {},
    });
    const refusal = async (
      method: string,
      path: string,
      body: string,
      query: Readonly<Record<string, string>> = {},
    ): Promise<string> => {
      const answer = await sendRaw(api.connectionOf('same'), { method, path, body, query });
      assert.equal(answer.headers['x-amzn-errortype'], 'SerializationException', `${method} ${path}: ${answer.body}`);
      return (JSON.parse(answer.body) as { message: string }).message;
    };
    for (const { action, method, path, upgrade, body } of ingotRoutes) {
      // Bytes are no JSON that could be deep.
      if (upgrade || body === 'bytes') continue;
      const name = action.slice('ingot:'.length);
      const at = path.replace(/:(\w+)/g, (_, parameter: string) => values[parameter]!);
      for (const given of [deep, ...(body ? [] : ['{}', '{"ignored":true}'])]) {
        const before = (await events({ event: name })).length;
        assert.match(await refusal(method, at, given), body ? /more than 64 deep/ : / takes no body\.$/);
        const after = await events({ event: name });
        // A look-up is an event of its own kind.
        assert.equal(after.length, before + (name === 'LookupEvents' ? 2 : 1), action);
        const event = after.findLast(({ errorCode }) => errorCode === 'SerializationException')!;
        assert.equal((event.userIdentity as { accessKeyId?: string }).accessKeyId, 'AKIDTEST');
      }
    }
    const { keys } = await signedJson<{ keys: readonly unknown[] }>(api.connectionOf('same'), {
      method: 'GET',
      path: `/ingot/principals/${values['arn']}`,
    });
    assert.deepEqual(keys, []);
    // Of the model's operations as well.
    for (const [method, path] of [
      ['GET', '/GetComponent'],
      ['DELETE', '/DeleteComponent'],
    ] as const) {
      assert.match(await refusal(method, path, '{}', { componentBuildVersionArn: 'x' }), /takes no body/);
    }
    assert.match(await refusal('POST', '/ListComponents', deep), /more than 64 deep/);
  });

  test('is filtered', async () => {
    const names = async (query: Record<string, string>) => (await events(query)).map(({ eventName }) => eventName);
    assert.deepEqual(await names({ event: 'Create*', resource: 'component/audited' }), ['CreateComponent']);
    assert.deepEqual(await names({ error: 'ResourceNotFound*', event: 'GetComponent' }), ['GetComponent']);
    assert.deepEqual(await names({ principal: '210987654321', event: 'ListComponents' }), ['ListComponents']);
    assert.deepEqual(await names({ since: '2100-01-01T00:00:00Z' }), []);
    assert.deepEqual(await names({ until: '2020-01-01T00:00:00Z' }), []);
    await assert.rejects(events({ since: 'yesterday' }), { code: 'InvalidParameterValueException' });
  });
});

describe('quotas', () => {
  test('are of resources as lists show them, in an account and Region', async () => {
    const exceeded = {
      name: 'ServiceQuotaExceededException',
      message: new RegExp(`quota 'components' of 3 in ${REGION}`),
    };
    await api.client.send(component('two'));
    await api.client.send(component('three'));
    await assert.rejects(api.client.send(component('four')), exceeded);
    // The next build of an existing version does not add a component; a refused one does not exist.
    await api.client.send(component('three', { data: documentOf('echo other') }));
    assert.equal((await api.client.send(new ListComponentsCommand({}))).componentVersionList?.length, 3);
    await api.clientOf('same', 'us-east-1').send(component('four'));
    await assert.rejects(api.client.send(component('four', { dryRun: true })), exceeded);
    await assert.rejects(
      api.client.send(new CreateInfrastructureConfigurationCommand({ name: 'none', instanceProfileName: 'p' })),
      (error: { name: string; $metadata: { httpStatusCode: number } }) => {
        assert.deepEqual([error.name, error.$metadata.httpStatusCode], ['ServiceQuotaExceededException', 402]);
        return true;
      },
    );
  });
});

test('a quota of what a recipe holds', async () => {
  const amazon = (name: string) => ({ componentArn: `arn:aws:imagebuilder:${REGION}:aws:component/${name}/x.x.x` });
  const recipe = (...components: { componentArn: string }[]) =>
    new CreateImageRecipeCommand({ name: 'held', semanticVersion: '1.0.x', parentImage: DEBIAN, components });
  await api.client.send(recipe(amazon('update-linux')));
  await assert.rejects(api.client.send(recipe(amazon('update-linux'), amazon('reboot-linux'))), {
    name: 'ServiceQuotaExceededException',
    message: /The quota 'componentsPerRecipe' is 1; these are 2/,
  });
});

describe('rates', () => {
  test('refuse with what SDKs try again after a while', async () => {
    const slow = await startApi({ rates: { reads: { perSecond: 20, burst: 1 }, writes: null, unsigned: null } });
    try {
      const refused = await Promise.allSettled(
        Array.from({ length: 5 }, () => slow.client.send(new ListComponentsCommand({}))),
      );
      const errors = refused.flatMap((each) =>
        each.status === 'rejected' ? [each.reason as { name: string; $metadata: { httpStatusCode: number } }] : [],
      );
      assert.ok(errors.length > 0);
      for (const error of errors)
        assert.deepEqual([error.name, error.$metadata.httpStatusCode], ['TooManyRequestsException', 429]);
      const patient = new ImagebuilderClient({
        endpoint: `http://127.0.0.1:${slow.connectionOf('same').port}`,
        region: REGION,
        credentials: slow.connectionOf('same').credentials,
        maxAttempts: 10,
      });
      await Promise.all(Array.from({ length: 2 }, () => patient.send(new ListComponentsCommand({}))));
      patient.destroy();
    } finally {
      await slow.close();
    }
  });

  test('of an address that does not sign, or signs wrongly: others and signed requests go on', async () => {
    const strict = await startApi({ rates: { reads: null, writes: null, unsigned: { perSecond: 1, burst: 4 } } });
    try {
      const status = async (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<number> =>
        (await fetch(`${strict.endpoint}${path}`, { method, headers })).status;
      const wrong = {
        authorization:
          'AWS4-HMAC-SHA256 Credential=AKIDTEST/20260101/us-east-1/imagebuilder/aws4_request, SignedHeaders=host, ' +
          `Signature=${'0'.repeat(64)}`,
      };
      assert.equal(await status('/ListComponents', {}, 'POST'), 403);
      assert.equal(await status('/hooks/none', {}, 'POST'), 403);
      for (let rest = 0; rest < 2; rest++) assert.ok((await status('/ingot/status', wrong)) < 429);
      for (const [path, method] of [
        ['/ListComponents', 'POST'],
        ['/hooks/none', 'POST'],
        ['/?Action=AssumeRoleWithWebIdentity', 'GET'],
      ] as const) {
        const answer = await fetch(`${strict.endpoint}${path}`, { method });
        assert.equal(answer.status, 429, path);
        assert.equal(answer.headers.get('retry-after'), path.startsWith('/?') ? null : '1');
      }
      assert.equal(await status('/ingot/status', wrong), 429);
      await strict.client.send(new ListComponentsCommand({}));
      assert.equal(await status('/healthz'), 200);
    } finally {
      await strict.close();
    }
  });
});

test("where long-lived keys are switched off, users' keys are refused with what to do", async () => {
  const strict = await startApi({ access: { ...DEFAULT_CONFIG.access, longLivedKeys: false } });
  try {
    const arn = `arn:aws:iam::${ACCOUNT}:user/ci`;
    const send = <T>(path: string, body?: object) =>
      signedJson<T>(strict.connectionOf('same'), {
        method: 'POST',
        path: `/ingot/principals/${encodeURIComponent(arn)}${path}`,
        ...(body === undefined ? {} : { body }),
      });
    await send('', {});
    await send('/policies/p', { document: '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}' });
    const key = await send<{ accessKeyId: string; secretAccessKey: string }>('/keys');
    await assert.rejects(strict.clientWith(key).send(new ListComponentsCommand({})), {
      name: 'AccessDeniedException',
      message: /takes sessions of roles only.*assume-role-with-web-identity/,
    });
  } finally {
    await strict.close();
  }
});
