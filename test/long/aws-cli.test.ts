/** Each of the 77 `imagebuilder` commands of the real AWS CLI, with the requests of the conformance suite. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { OPERATIONS } from '../../src/api/model.ts';
import { run } from '../harness/processes.ts';
import { CASES, commandOf, type Fixture } from '../api/cases.ts';
import { ACCOUNT, REGION, startApi, type TestApi } from '../api/server.ts';

let api: TestApi;
let fixture: Fixture;
const cli = await run(['aws', '--version'], { okCodes: 'any' }).then(
  ({ code, stdout, stderr }) => (code === 0 ? (stdout + stderr).trim() : undefined),
  () => undefined,
);
before(async () => {
  api = await startApi();
  fixture = {
    region: REGION,
    account: ACCOUNT,
    catalog: api.catalog,
    send: async (operation, input) =>
      (await api.client.send(commandOf(operation, input))) as unknown as Record<string, string>,
  };
});
after(() => api.close());

const kebab = (name: string): string => name.replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase();

for (const { name } of OPERATIONS.values()) {
  test(`aws imagebuilder ${kebab(name)}`, {
    skip: cli === undefined ? 'there is no aws command here' : false,
  }, async () => {
    const { answer, error, input } = CASES[name];
    const { code, stdout, stderr } = await run(
      [
        'aws',
        'imagebuilder',
        kebab(name),
        '--cli-input-json',
        JSON.stringify(await input(fixture)),
        '--endpoint-url',
        api.endpoint,
        '--region',
        REGION,
        '--output',
        'json',
      ],
      {
        okCodes: 'any',
        env: {
          AWS_ACCESS_KEY_ID: 'AKIDTEST',
          AWS_SECRET_ACCESS_KEY: 'secret',
          AWS_CONFIG_FILE: '/dev/null',
          AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
          AWS_PAGER: '',
        },
      },
    );
    if (error !== undefined) return assert.match(stderr, new RegExp(`\\(${error}\\)`));
    assert.equal(code, 0, stderr);
    const output = (stdout.trim() === '' ? {} : JSON.parse(stdout)) as Record<string, unknown>;
    assert.deepEqual(
      answer.filter((member) => output[member] === undefined),
      [],
    );
  });
}
