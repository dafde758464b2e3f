/** Secrets that documents name: used by steps, and found in nothing that a run or a build leaves. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { run } from '../harness/processes.ts';
import type { HostState } from '../harness/host-state.ts';
import { ingot, MAIN } from '../harness/service.ts';
import { beginOnDirectory, endOnDirectory } from '../harness/suite.ts';

const PASSWORD = `Tr0ub4dor & '3" Ümlaut`;
const KEY_LINES = ['c2VjcmV0LWtleS1saW5lLW9uZS1vZi10aHJlZQ', 'c2VjcmV0LWtleS1saW5lLXR3by1vZi10aHJlZQ', 'VGhlIGVuZA'];
const TOKEN = 'tok-7Qw9ErTy3UiOp1As';
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A folder with the secrets, and the config that names it. */
function configure(dataDirectory: string, secrets: string): void {
  mkdirSync(join(secrets, 'prod'), { recursive: true });
  const write = (name: string, text: string): void => writeFileSync(join(secrets, name), text, { mode: 0o600 });
  write('prod/db', JSON.stringify({ username: 'app', password: PASSWORD }));
  write('key', `-----BEGIN OPENSSH PRIVATE KEY-----\n${KEY_LINES.join('\n')}\n-----END OPENSSH PRIVATE KEY-----\n`);
  write('token', `${TOKEN}\n`);
  mkdirSync(dataDirectory, { recursive: true });
  writeFileSync(join(dataDirectory, 'config.yaml'), `secrets:\n  - {type: file, folder: ${secrets}}\n`);
}

/** Everything that is written of the secrets below a folder, byte by byte: names of files. */
async function findSecrets(folder: string, except: string): Promise<readonly string[]> {
  const needles = [PASSWORD, ...KEY_LINES, TOKEN].flatMap((text) => [
    text,
    Buffer.from(text).toString('base64').replace(/=+$/, '').slice(0, -1),
    JSON.stringify(text).slice(1, -1),
  ]);
  const { stdout } = await run(
    ['grep', '-rlaF', '--devices=skip', ...needles.flatMap((needle) => ['-e', needle]), '--', folder],
    { okCodes: [0, 1], env: { LC_ALL: 'C' } },
  );
  return stdout.split('\n').filter((path) => path !== '' && !path.startsWith(except));
}

describe('ingot toe run', () => {
  const folder = mkdtempSync('/var/tmp/ingot-secrets-');
  const secrets = join(folder, 'secrets');
  const dataDirectory = join(folder, 'data');
  before(() => configure(dataDirectory, secrets));
  after(() => rmSync(folder, { recursive: true }));

  const toe = (name: string, steps: string, ...more: readonly string[]): ReturnType<typeof run> => {
    const document = join(folder, `${name}.yaml`);
    writeFileSync(
      document,
      `schemaVersion: 1.0\nparameters:\n  - Token: {type: string, default: '{{ resolve:ssm-secure:token ` +
        `}}'}\nphases:\n  - name: build\n    steps:\n${steps}`,
    );
    return run([process.execPath, MAIN, 'toe', 'run', document, '-l', join(folder, 'logs'), '-i', name, ...more], {
      cwd: folder,
      okCodes: 'any',
      env: { INGOT_DATA: dataDirectory },
    });
  };
  /** The secrets are in no output and in no file. */
  const nothingOf = async ({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }): Promise<void> => {
    writeFileSync(join(folder, 'shown'), stdout + stderr);
    assert.deepEqual(await findSecrets(folder, secrets), []);
  };

  test('a step gets them, and what it prints of them is masked', async () => {
    const ended = await toe(
      'uses',
      `
      - name: Prints
        action: ExecuteBash
        inputs:
          commands:
            - |
              cat >/dev/shm/ingot-secrets-test <<'E'
              {{ resolve:secretsmanager:prod/db:SecretString:password }}
              E
            - password=$(cat /dev/shm/ingot-secrets-test); rm /dev/shm/ingot-secrets-test
            - printf '%s' "$password" | sha256sum | cut -d ' ' -f 1
            - echo "it is $password"; echo '{{ Token }}' >&2; printf tok-7Qw9; sleep 0.3; echo ErTy3UiOp1As
            - printf 'user:%s' "$password" | base64 -w 0; echo
            - set -x; true "$password"
            - "printf '%s\\\\n' '{{ resolve:secretsmanager:key }}'"
      - name: Chained
        action: ExecuteBash
        inputs: {commands: ["cat <<'E' | grep -c '^-----BEGIN'\\n{{ build.Prints.outputs.stdout }}\\nE"]}
      - name: Chooses
        if: {stringEquals: '{{ resolve:secretsmanager:token }}', value: '{{ Token }}'}
        action: ExecuteBinary
        inputs: {path: /bin/echo, arguments: ['{{ Token }}']}
`,
    );
    assert.equal(ended.code, 0, ended.stderr);
    assert.match(ended.stderr, /Chained \| 1\n/);
    assert.match(ended.stderr, new RegExp(sha256(PASSWORD)), 'the step got the secret itself');
    for (const line of ['it is ***', '! ***', '| ***', '-----BEGIN OPENSSH PRIVATE KEY-----'])
      assert.ok(ended.stderr.includes(line), `${line} in\n${ended.stderr}`);
    await nothingOf(ended);
    const [log] = readdirSync(join(folder, 'logs'));
    assert.match(readFileSync(join(folder, 'logs', log!, 'document.yaml'), 'utf8'), /resolve:secretsmanager:prod\/db/);
    assert.match(readFileSync(join(folder, 'logs', log!, 'detailedoutput.json'), 'utf8'), /it is \*\*\*/);
  });

  test('a failure names none, nor does what waits for a restart', async () => {
    const failed = await toe(
      'fails',
      `      - {name: Fails, action: ExecuteBash, inputs: {commands: ["false '{{ Token }}'"]}}\n`,
    );
    assert.deepEqual([failed.code, /Fails failed: exit status 1/.test(failed.stderr)], [1, true], failed.stderr);
    await nothingOf(failed);
    const waits = await toe(
      'waits',
      `      - {name: Prints, action: ExecuteBash, inputs: {commands: ["echo '{{ Token }}'"]}}\n      - {name: ` +
        'Restart, action: Reboot}\n',
      '-s',
      join(folder, 'state'),
    );
    assert.equal(waits.code, 194, waits.stderr);
    assert.match(readFileSync(join(folder, 'state', 'TOE_STATE_waits.json'), 'utf8'), /"stdout":"\*\*\*"/);
    await nothingOf(waits);
  });

  test('one that is missing fails the step that names it, and what a command printed names none', async () => {
    const missing = await toe(
      'missing',
      `      - {name: Uses, action: ExecuteBash, inputs: {commands: ["echo '{{ resolve:secretsmanager:none }}'"]}}\n`,
    );
    assert.equal(missing.code, 1);
    assert.match(
      missing.stderr,
      /Uses failed: secret 'none' not found in the file .*\/none\. Check 'secrets' in config\.yaml/,
    );
    const injected = await toe(
      'injected',
      `
      - {name: Prints, action: ExecuteBash, inputs: {commands: ["echo '{''{ resolve:ssm-secure:token }''}'"]}}
      - name: Takes
        action: ExecuteBash
        inputs: {commands: ["printf '%s' '{{ build.Prints.outputs.stdout }}' | wc -c"]}
`,
    );
    assert.match(injected.stderr, /\| 30\n/, injected.stderr);
  });
});

/** The rest of a template whose recipe is `Recipe`: it is built, and not tested. */
const BUILT_UNTESTED = `  Infrastructure:
    Type: AWS::ImageBuilder::InfrastructureConfiguration
    Properties: { Name: using, InstanceProfileName: ingot, InstanceTypes: [t3.small] }
  Image:
    Type: AWS::ImageBuilder::Image
    Properties:
      ImageRecipeArn: !Ref Recipe
      InfrastructureConfigurationArn: !Ref Infrastructure
      ImageTestsConfiguration: { ImageTestsEnabled: false }
`;

describe('a build', () => {
  let state: HostState;
  let dataDirectory: string;
  let secrets: string;
  before(async () => {
    ({ state, dataDirectory } = await beginOnDirectory());
    secrets = join(dirname(dataDirectory), 'secrets');
    configure(dataDirectory, secrets);
  });
  after(async () => {
    await ingot(dataDirectory, ['stop']);
    await endOnDirectory({ state, dataDirectory });
  });

  test('uses secrets, and neither its records nor its disk have them', async () => {
    const file = join(dirname(dataDirectory), 'template.yaml');
    writeFileSync(
      file,
      `
Resources:
  Use:
    Type: AWS::ImageBuilder::Component
    Properties:
      Name: use
      Version: 1.0.0
      Platform: Linux
      Data: |
        schemaVersion: 1.0
        parameters:
          - Token: {type: string}
        phases:
          - name: build
            steps:
              - name: Prints
                action: ExecuteBash
                inputs:
                  commands:
                    - echo written-by-the-component-{}-$((6*7)) >/etc/control
                    - printf '%s' '{{ Token }}' | sha256sum
                    - echo "{{ Token }}"
                    - |
                      cat <<'E'
                      {{ resolve:secretsmanager:prod/db:SecretString:password }}
                      {{ resolve:secretsmanager:key }}
                      E
                    - 'printf %s "{{ Token }}" | tee /run/token | base64'
              - {name: Binary, action: ExecuteBinary, inputs: {path: /bin/echo, arguments: ['--token={{ Token }}']}}
              - {name: OnDisk, action: CreateFile, inputs: [{path: /run/of-a-step, content: '{{ Token }}'}]}
              - name: Checks
                action: Assert
                inputs: {stringEquals: '{{ Token }}', value: '{{ resolve:ssm-secure:token }}'}
  Recipe:
    Type: AWS::ImageBuilder::ImageRecipe
    Properties:
      Name: using
      Version: 1.0.x
      ParentImage: !Sub arn:aws:imagebuilder:\${AWS::Region}:aws:image/debian-12-x86/x.x.x
      Components:
        - ComponentArn: !Ref Use
          Parameters: [{Name: Token, Value: ['{{ resolve:ssm-secure:token }}']}]
${BUILT_UNTESTED}`,
    );
    const built = await ingot(dataDirectory, ['build', file, '--json']);
    assert.equal(built.code, 0, built.stdout.slice(-3000) + built.stderr);
    assert.match(built.stdout, new RegExp(sha256(TOKEN)));
    assert.match(built.stdout, /"text":"--token=\*\*\*"/);
    writeFileSync(join(dirname(dataDirectory), 'shown'), built.stdout + built.stderr);
    await ingot(dataDirectory, ['stop']);
    assert.deepEqual(await findSecrets(dirname(dataDirectory), secrets), []);

    // Layers are not compressed: what was ever written to a disk, and not discarded, would have been found.
    const { stdout } = await run(
      ['grep', '-rlaF', 'written-by-the-component-{}-42', '--', join(dataDirectory, 'layers')],
      { env: { LC_ALL: 'C' } },
    );
    assert.match(stdout, /qcow2/, 'the search finds what the component wrote');
  });

  test('fails where the finished disk has a key, unless the recipe allows it by name', async () => {
    const file = join(dirname(dataDirectory), 'leaves.yaml');
    const template = (tags: string): string => `
Resources:
  Leave:
    Type: AWS::ImageBuilder::Component
    Properties:
      Name: leave
      Version: 1.0.0
      Platform: Linux
      Data: |
        schemaVersion: 1.0
        phases:
          - name: build
            steps:
              - name: Leaves
                action: ExecuteBash
                inputs:
                  commands:
                    - mkdir -p /opt/app /root/.ssh
                    - |
                      { echo '-----BEGIN PRIVATE'' KEY-----'; head -c 48 /dev/urandom | base64; } >/opt/app/one.pem
                    - echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC0 me' >/root/.ssh/authorized_keys
                    - echo ls >/root/.bash_history
  Recipe:
    Type: AWS::ImageBuilder::ImageRecipe
    Properties:
      Name: leaving
      Version: 1.0.x
      ParentImage: !Sub arn:aws:imagebuilder:\${AWS::Region}:aws:image/debian-12-x86/x.x.x
      Components: [{ComponentArn: !Ref Leave}]
${tags}
${BUILT_UNTESTED}`;
    const build = async (
      tags: string,
    ): Promise<{ readonly status: string; readonly reason?: string; readonly all: string }> => {
      writeFileSync(file, template(tags));
      const { stdout } = await ingot(dataDirectory, ['build', file, '--json']);
      return { ...(JSON.parse(stdout.trim().split('\n').at(-1)!) as { status: string; reason?: string }), all: stdout };
    };
    const refused = await build('');
    assert.equal(refused.status, 'FAILED');
    // The clean-up takes out the history and the authorized keys.
    assert.match(
      refused.reason!,
      /what must not be in an image: a private key \(private-key\): \/opt\/app\/one\.pem, line 1\. What to do: .* ingot:allow-secrets = private-key:\/opt\/app\/one\.pem$/,
    );
    const allowed = await build("      Tags: {'ingot:allow-secrets': 'token private-key:/opt/app/*'}");
    assert.equal(allowed.status, 'AVAILABLE', allowed.reason);
    assert.match(allowed.all, /one\.pem, line 1 is on the disk; the recipe allows it/);
    const unread = await build("      Tags: {'ingot:allow-secrets': 'keys'}");
    assert.match(
      unread.reason!,
      /the tag ingot:allow-secrets of arn:\S+ is invalid: 'keys': 'keys' is not one of private-key, token/,
    );
  });

  test('a secret that is missing is said before anything is built', async () => {
    const file = join(dirname(dataDirectory), 'template.yaml');
    writeFileSync(file, readFileSync(file, 'utf8').replace('resolve:secretsmanager:key', 'resolve:secretsmanager:kye'));
    const built = await ingot(dataDirectory, ['build', file, '--json']);
    assert.notEqual(built.code, 0);
    assert.match(built.stdout, /component arn:\S+\/use\/1\.0\.0\/2: secret 'kye' not found in the file/);
    assert.doesNotMatch(built.stdout, /LaunchInstance|"status":"BUILDING"/);
  });
});
