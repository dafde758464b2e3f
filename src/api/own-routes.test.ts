/** Ingot's own routes. */
import { strict as assert } from 'node:assert';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { insertAmi } from '../catalog/amis.ts';
import { imageLogPath, openImageLog } from '../catalog/image-log.ts';
import { until } from '../platform/clock.ts';
import { stated } from '../../test/harness/stated.ts';
import {
  ACCOUNT,
  INSTANCE,
  described,
  directory,
  catalog,
  app,
  launches,
  counts,
  audited,
  api,
  signed,
  call,
  assertError,
  component,
} from '../../test/harness/api-app.ts';

describe("Ingot's own routes", () => {
  const IMAGE = `arn:aws:imagebuilder:us-east-1:${ACCOUNT}:image/web/1.0.0/1`;
  const route = (what: string): string => `/ingot/images/${encodeURIComponent(IMAGE)}/${what}`;
  const records = (body: string): unknown[] =>
    body
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);

  test('the server describes itself, and stops', async () => {
    assert.deepEqual((await call('GET', '/ingot/server')).json(), {
      version: '1.2.3',
      pid: process.pid,
      dataDirectory: directory,
    });
    assert.deepEqual((await call('POST', '/ingot/server/stop')).json(), { inWork: [] });
    assert.equal(counts.stops, 1);
  });

  test('launch, list, describe, terminate', async () => {
    const body = {
      image: 'ami-0123456789abcdef0',
      publish: [{ hostPort: 8080, instancePort: 80 }],
      sshKeys: ['ssh-ed25519 AAAA'],
      firmware: 'uefi',
    };
    assert.deepEqual((await call('POST', '/ingot/instances', { body })).json(), {
      instanceId: INSTANCE,
      state: 'pending',
    });
    assert.deepEqual(stated(launches.launched), body);
    assert.deepEqual((await call('GET', '/ingot/instances')).json(), { instances: [described] });
    assert.deepEqual((await call('GET', `/ingot/instances/${INSTANCE}`)).json(), described);
    assert.deepEqual((await call('DELETE', `/ingot/instances/${INSTANCE}`)).json(), {
      instanceId: INSTANCE,
      state: 'shutting-down',
    });
    assertError(await call('GET', '/ingot/instances/i-0'), 404, 'ResourceNotFoundException');
  });

  test('storage: usage, garbage, deregistering', async () => {
    const usage = (await call('GET', '/ingot/storage')).json() as {
      dataDirectory: string;
      totalBytes: number;
      amis: unknown[];
    };
    assert.deepEqual([usage.dataDirectory, usage.totalBytes > 0], [directory, true]);
    for (const body of [undefined, {}, { olderThanSeconds: 3600 }]) {
      assert.deepEqual((await call('POST', '/ingot/gc', body === undefined ? {} : { body })).json(), {
        layers: 0,
        files: 0,
        bytes: 0,
      });
    }
    assertError(
      await call('POST', '/ingot/gc', { body: { olderThanSeconds: -1 } }),
      400,
      'InvalidParameterValueException',
      /olderThanSeconds/,
    );
    assertError(
      await call('POST', '/ingot/gc', { body: { olderThan: 1 } }),
      400,
      'InvalidParameterValueException',
      /olderThan/,
    );
    for (const url of [
      '/ingot/amis/ami-0123456789abcdeff',
      '/ingot/amis/web',
      '/ingot/amis/ami-0123456789abcdeff?region=us-east-1',
    ]) {
      assertError(await call('DELETE', url), 404, 'ResourceNotFoundException');
    }
  });

  test('a launch reports all its faults', async () => {
    const body = {
      image: 'web',
      publish: [{ hostPort: 0, hostAddress: 'here' }],
      sshKeys: 'x',
      firmware: 'coreboot',
      type: 'm5',
    };
    const response = await call('POST', '/ingot/instances', { body });
    assertError(response, 400, 'InvalidParameterValueException');
    const paths = [...(response.json() as { message: string }).message.matchAll(/parameter '([^']+)'/g)].map(
      (match) => match[1],
    );
    assert.deepEqual(
      new Set(paths),
      new Set([
        'image',
        'publish[0].hostPort',
        'publish[0].instancePort',
        'publish[0].hostAddress',
        'sshKeys',
        'firmware',
        'type',
      ]),
    );
    assert.equal(launches.launched, undefined);
  });

  test('a command: its output unchanged, then its result', async () => {
    const request = { argv: ['sh', '-c', ''], env: { A: 'b' }, cwd: '/', timeoutSeconds: 5 };
    const response = await call('POST', `/ingot/instances/${INSTANCE}/exec`, { body: request });
    assert.equal(response.headers['content-type'], 'application/x-ndjson');
    assert.deepEqual(records(response.body), [
      { stream: 'stdout', data: Buffer.from([0, 255]).toString('base64') },
      { stream: 'stderr', data: Buffer.from('oh').toString('base64') },
      { exitCode: 3, signal: null, timedOut: false },
    ]);
    assert.deepEqual(launches.executed, request);
    const failed = await call('POST', `/ingot/instances/${INSTANCE}/exec`, { body: { argv: ['fail'] } });
    assert.doesNotMatch(failed.body, /internal words/);
    assert.deepEqual(Object.keys(records(failed.body)[0] as object), ['error']);
    assertError(
      await call('POST', '/ingot/instances/i-1123456789abcdef0/exec', { body: { argv: ['x'] } }),
      404,
      'ResourceNotFoundException',
    );
    assertError(
      await call('POST', `/ingot/instances/${INSTANCE}/exec`, { body: { argv: [], env: { 'A=': '' } } }),
      400,
      'InvalidParameterValueException',
      /argv[^]*env/,
    );
  });

  test('a client that disconnects kills its command', async () => {
    const endpoint = await app.listen({ host: '127.0.0.1', port: 0 });
    const url = `/ingot/instances/${INSTANCE}/exec`;
    const { host } = new URL(endpoint);
    const { headers, body } = await signed('POST', url, { body: { argv: ['hang'] }, headers: { host } });
    const gone = new AbortController();
    const response = await fetch(`${endpoint}${url}`, { method: 'POST', headers, body: body!, signal: gone.signal });
    const reader = response.body!.getReader();
    assert.match(Buffer.from((await reader.read()).value!).toString(), /stdout/);
    gone.abort();
    await launches.aborted.promise;
  });

  test('a client that disconnects before the response leaves an event, once its request is done', async () => {
    const [begun, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    api({
      CreateComponent: async () => {
        begun.resolve();
        await go.promise;
        return { componentBuildVersionArn: 'made' };
      },
    });
    const endpoint = await app.listen({ host: '127.0.0.1', port: 0 });
    const send = async (method: string, url: string, body: object): Promise<AbortController> => {
      const gone = new AbortController();
      const { headers, body: text } = await signed(method, url, { body, headers: { host: new URL(endpoint).host } });
      void fetch(`${endpoint}${url}`, { method, headers, body: text!, signal: gone.signal })
        .then((response) => response.text())
        .catch(() => {});
      return gone;
    };
    audited.length = 0;
    const connections = (): Promise<number> =>
      new Promise((resolve) => app.server.getConnections((_error, count) => resolve(count)));
    const creating = await send('PUT', '/CreateComponent', component);
    await begun.promise;
    creating.abort();
    await until('the connection to go', 5000, async () => ((await connections()) === 0 ? true : undefined));
    assert.deepEqual(audited, []);
    go.resolve();
    await until('the event', 5000, () => (audited.length > 0 ? true : undefined));
    const executing = await send('POST', `/ingot/instances/${INSTANCE}/exec`, { argv: ['hang'] });
    await until('the command', 5000, () => (launches.executed === undefined ? undefined : true));
    executing.abort();
    await launches.aborted.promise;
    await until('the second event', 5000, () => (audited.length > 1 ? true : undefined));
    assert.deepEqual(
      audited.map(({ eventName, responseElements }) => [
        eventName,
        (responseElements as { componentBuildVersionArn?: string } | null)?.componentBuildVersionArn,
      ]),
      [
        ['CreateComponent', 'made'],
        ['ExecuteCommand', undefined],
      ],
    );
  });

  test('closing the server ends its streams', async () => {
    const endpoint = await app.listen({ host: '127.0.0.1', port: 0 });
    const url = `/ingot/instances/${INSTANCE}/exec`;
    const { headers, body } = await signed('POST', url, {
      body: { argv: ['hang'] },
      headers: { host: new URL(endpoint).host },
    });
    const response = await fetch(`${endpoint}${url}`, { method: 'POST', headers, body: body! });
    const text = response.text();
    await app.close();
    await launches.aborted.promise;
    assert.match(await text, /stdout/);
  });

  test('the console is plain text', async () => {
    const response = await call('GET', `/ingot/instances/${INSTANCE}/console?follow=false`);
    assert.equal(response.headers['content-type'], 'text/plain; charset=utf-8');
    assert.equal(response.body, 'Linux version\nlogin: ');
    assertError(
      await call('GET', `/ingot/instances/${INSTANCE}/console?follow=perhaps`),
      400,
      'InvalidParameterValueException',
    );
  });

  test("an image's log, from an offset, and its AMIs", async () => {
    assertError(await call('GET', route('log')), 404, 'ResourceNotFoundException');
    assertError(await call('GET', route('amis')), 404, 'ResourceNotFoundException');
    const log = openImageLog(directory, IMAGE);
    for (const text of ['one', 'two', 'three']) log.report({ type: 'log', text });
    log.close();
    const texts = async (query: string): Promise<unknown[]> =>
      records((await call('GET', `${route('log')}${query}`)).body).map(
        (record) => (record as Record<string, unknown>)['text'],
      );
    assert.deepEqual(await texts(''), ['one', 'two', 'three']);
    assert.deepEqual(await texts('?after=2&follow=true'), ['three']);
    await insertAmi(catalog.db, {
      id: 'ami-0123456789abcdef0',
      region: 'us-east-1',
      account: ACCOUNT,
      name: 'web',
      description: null,
      image_arn: IMAGE,
      layer_id: null,
      file: 'layers/x.qcow2',
      state: 'available',
      tags: '{}',
      platform: 'Linux',
      os_version: null,
      architecture: 'x86_64',
      created: '2026-11-20T12:00:00.000Z',
    });
    assert.deepEqual((await call('GET', route('amis'))).json(), {
      amis: [
        { region: 'us-east-1', id: 'ami-0123456789abcdef0', file: join(directory, 'layers/x.qcow2'), name: 'web' },
      ],
    });
  });

  test("another account's image is rejected, and so is an ARN that is not a build's", async () => {
    const other = IMAGE.replace(ACCOUNT, '210987654321');
    await mkdir(dirname(imageLogPath(directory, other)), { recursive: true });
    await writeFile(imageLogPath(directory, other), '{}\n');
    assertError(await call('GET', `/ingot/images/${encodeURIComponent(other)}/log`), 403, 'AccessDeniedException');
    assertError(
      await call('GET', `/ingot/images/${encodeURIComponent(IMAGE.replace('/1.0.0/1', '/x.x.x'))}/log`),
      400,
      'InvalidParameterValueException',
    );
    assertError(
      await call('GET', `/ingot/images/${encodeURIComponent('../../etc')}/log`),
      400,
      'InvalidParameterValueException',
    );
  });
});
