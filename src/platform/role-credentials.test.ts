import { deepEqual, equal, rejects, throws } from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CredentialError, credentialProvider, credentialsInFile, credentialsOfProcess } from './role-credentials.ts';

const FILE = `
[default]
aws_access_key_id = A
aws_secret_access_key=B=C
# a comment
[profile builds]
aws_access_key_id=D
aws_secret_access_key = E
AWS_SESSION_TOKEN = F
[half]
aws_access_key_id = G
`;

test('a profile of a credentials file', () => {
  deepEqual(credentialsInFile(FILE, 'default'), { accessKeyId: 'A', secretAccessKey: 'B=C' });
  deepEqual(credentialsInFile(FILE, 'builds'), { accessKeyId: 'D', secretAccessKey: 'E', sessionToken: 'F' });
  for (const none of ['half', 'other']) equal(credentialsInFile(FILE, none), undefined);
});

test('the output of a program', () => {
  const text = (more: object): string =>
    JSON.stringify({ Version: 1, AccessKeyId: 'A', SecretAccessKey: 'S', ...more });
  deepEqual(credentialsOfProcess(text({}), 'p'), { accessKeyId: 'A', secretAccessKey: 'S' });
  deepEqual(credentialsOfProcess(text({ SessionToken: 'T', Expiration: '2030-01-01T00:00:00Z' }), 'p'), {
    accessKeyId: 'A',
    secretAccessKey: 'S',
    sessionToken: 'T',
    expiration: '2030-01-01T00:00:00Z',
  });
  for (const wrong of ['', 'null', '[]', text({ Version: 2 }), text({ AccessKeyId: 1 }), text({ Expiration: 'soon' })])
    throws(() => credentialsOfProcess(wrong, 'p'), CredentialError, wrong);
});

test('no error quotes a secret', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-credentials-'));
  try {
    const path = join(folder, 'file');
    await writeFile(path, '[default]\naws_secret_access_key = hidden\n');
    for (const source of [
      { kind: 'file', path, profile: 'default' },
      { kind: 'process', argv: ['/bin/sh', '-c', 'echo hidden; echo hidden >&2; exit 3'] },
      { kind: 'process', argv: ['/bin/echo', 'hidden'] },
    ] as const) {
      await rejects(
        credentialProvider(source),
        (error: Error) => error instanceof CredentialError && !error.message.includes('hidden'),
      );
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a credentials file that is not UTF-8 is rejected with the position of its byte', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-credentials-'));
  try {
    const path = join(folder, 'file');
    await writeFile(path, Buffer.from('# f\u00fcr builds\n[default]\n', 'latin1'));
    await rejects(credentialProvider({ kind: 'file', path, profile: 'default' }), {
      message:
        `the credentials file ${path} is not UTF-8: ` +
        'byte 0xfc in line 1, 4 bytes into it (offset 3). Save it as UTF-8',
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a program is run again when its credentials expire', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-credentials-'));
  try {
    const program = (until: string): readonly string[] => [
      '/bin/sh',
      '-c',
      `echo x >>"$1"; echo '{"Version":1,"AccessKeyId":"'$(wc -l ` +
        `<"$1")'","SecretAccessKey":"S","Expiration":"${until}"}'`,
      'sh',
      join(folder, until.slice(0, 4)),
    ];
    for (const [until, second] of [
      ['2099-01-01T00:00:00Z', '1'],
      ['2001-01-01T00:00:00Z', '2'],
    ] as const) {
      const provider = credentialProvider({ kind: 'process', argv: program(until) });
      equal((await provider()).accessKeyId, '1');
      equal((await provider()).accessKeyId, second);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
