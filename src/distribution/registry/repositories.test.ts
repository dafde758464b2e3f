/** Which registry a repository is in. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { registryOf } from './repositories.ts';

const OWN = '123456789012';
const ECR = `${OWN}.dkr.ecr.us-east-1.amazonaws.com`;

describe('the registry of a repository', () => {
  const registries = {
    'r.example:5000': { accounts: [OWN], plain: true },
    'open.example': { accounts: ['*'], plain: false },
    [ECR]: { accounts: [OWN], plain: false },
  };
  const found = (repository: string, { account = OWN, region = 'us-east-1', service = 'ECR' } = {}) =>
    registryOf(registries, { account, region, target: { repository, service } })?.name;

  for (const [what, actual, expected] of [
    ['a host with a port', () => found('r.example:5000/team/web'), 'r.example:5000/team/web'],
    [
      "another account, where the registry is everybody's",
      () => found('open.example/web', { account: '210987654321' }),
      'open.example/web',
    ],
    ['ECR by name', () => found('team/web'), `${ECR}/team/web`],
    ["ECR of another Region: Ingot's own", () => found('team/web', { region: 'eu-west-1' }), undefined],
    ["ECR of another account: Ingot's own", () => found('team/web', { account: '210987654321' }), undefined],
    [
      'a host that is not configured is part of the name',
      () => found('x.example/web', { region: 'eu-west-1' }),
      undefined,
    ],
    ['a name of the prototype', () => found('constructor/web', { region: 'eu-west-1' }), undefined],
  ] as const)
    test(what, () => assert.equal(actual(), expected));

  test('a registry of other accounts is rejected, and the message tells the operator what to do', () => {
    assert.throws(() => found('r.example:5000/web', { account: '210987654321' }), {
      name: 'NotGranted',
      message: /'r\.example:5000' is not open to account 210987654321: .*registries\.r\.example:5000\.accounts/,
    });
  });
});
