/** The commands that documents run on Windows, as text; they were not run on a Windows machine. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { powerShellFaults } from '../../test/harness/powershell-syntax.ts';
import type { Instance } from '../instances/instance.ts';
import type { InputValue } from '../documents/component/document.ts';
import { parseComponentDocument } from '../documents/component/parse.ts';
import type { AttemptContext, AttemptResult, ModuleCommand } from './module.ts';
import { InputError } from './module.ts';
import { modules } from './modules.ts';
import { msiCall } from './kit/msi.ts';
import { powerShellScript } from './modules/execute-powershell.ts';
import { registryPath } from './modules/set-registry.ts';
import { stated } from '../../test/harness/stated.ts';

interface Call {
  readonly command: ModuleCommand;
  /** The program, decoded. */
  readonly program: string;
  /** Its input: a list of fields for each item, and content. */
  readonly given:
    | { readonly items: readonly { readonly fields: readonly string[] }[]; readonly content: string }
    | undefined;
}

/** How a command ended. */
interface Answer {
  readonly exitCode: number;
  readonly stdout?: string;
}

/** Maximum characters of a Windows command line. */
const LONGEST_COMMAND_LINE = 32_767;

/**
 * Runs a module on a fake machine that only returns how each command ended; the last answer is repeated for later
 * commands.
 */
async function onWindows(
  action: string,
  inputs: InputValue,
  ...answers: readonly Answer[]
): Promise<{
  readonly calls: readonly Call[];
  readonly result: AttemptResult;
  readonly files: ReadonlyMap<string, string>;
}> {
  const calls: Call[] = [];
  const files = new Map<string, string>();
  const instance = {
    capabilities: { platform: 'Windows' },
    put: async (path: string, content: string) => void files.set(path, content),
  } as unknown as Instance;
  const context = {
    inputs,
    instance,
    workingDirectory: 'C:\\work',
    log: () => {},
    s3Access: async () => ({
      credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
      region: 'us-east-1',
    }),
    async command(command: ModuleCommand) {
      const answer = answers[calls.length] ?? answers.at(-1) ?? { exitCode: 0 };
      const encoded = command.argv?.[command.argv.indexOf('-EncodedCommand') + 1];
      calls.push({
        command,
        program: command.argv?.includes('-EncodedCommand') ? Buffer.from(encoded!, 'base64').toString('utf16le') : '',
        given:
          command.stdin === undefined ? undefined : (JSON.parse(String(command.stdin)) as NonNullable<Call['given']>),
      });
      const stdout = answer.stdout ?? '';
      return {
        exitCode: answer.exitCode,
        signal: null,
        stdout,
        stdoutBytes: Buffer.from(stdout),
        stderr: answer.exitCode === 0 ? '' : 'why',
      };
    },
  } as unknown as AttemptContext;
  const result = await modules.get(action)!.attempt(context);
  for (const { program, command } of calls) {
    if (program !== '') assert.deepEqual(await powerShellFaults(program), []);
    assert.ok((command.argv ?? []).join(' ').length < LONGEST_COMMAND_LINE, action);
  }
  return { calls, result, files };
}

/** The curl configuration of a transfer. */
function configurationOf(call: Call): string {
  return Buffer.from(call.given!.content, 'base64').toString();
}

describe('on Windows', () => {
  test('values are data on stdin, never part of the program', async () => {
    const evil = '"; Remove-Item C:\\ -Recurse #$(x)`';
    const { calls, result } = await onWindows('CreateFile', [{ path: evil, content: 'é' }, { path: 'D:\\b.txt' }]);
    assert.deepEqual(result, { result: 'success' });
    assert.equal(calls.length, 1);
    assert.deepEqual(
      calls[0]!.given!.items.map(({ fields }) => fields[0]),
      [`C:\\work\\${evil}`, 'D:\\b.txt'],
    );
    assert.equal(Buffer.from(calls[0]!.given!.content, 'base64').toString(), 'é');
    assert.doesNotMatch(calls[0]!.program, /Remove-Item C:/);
    assert.match(calls[0]!.program, /\[IO\.File\]::WriteAllBytes\(\$path, \(Content \$bytes\)\)/);
  });

  test('every module for Windows has its own program', async () => {
    const inputs: Readonly<Record<string, InputValue>> = {
      AppendFile: [{ path: 'a' }],
      CopyFile: [{ source: 'C:\\a\\*.txt', destination: 'D:\\b\\' }],
      CopyFolder: [{ source: 'a', destination: 'b' }],
      CreateFolder: [{ path: 'a' }],
      DeleteFile: [{ path: 'a' }],
      DeleteFolder: [{ path: 'a' }],
      ListFiles: [{ path: 'a' }],
      MoveFile: [{ source: 'a', destination: 'b' }],
      MoveFolder: [{ source: 'a', destination: 'b' }],
      ReadFile: [{ path: 'a' }],
      SetFileEncoding: [{ path: 'a' }],
      WebDownload: [{ source: 'https://example.org/a.txt', destination: 'C:\\b\\' }],
    };
    const programs = new Set<string>();
    for (const [action, value] of Object.entries(inputs)) {
      const { calls } = await onWindows(action, value, { exitCode: 0, stdout: action === 'ReadFile' ? '1\na' : '' });
      assert.match(calls[0]!.program, /^function Item \{\n +\S/m, action);
      programs.add(calls[0]!.program);
    }
    assert.equal(programs.size, Object.keys(inputs).length);
  });

  test('conditions are evaluated by PowerShell, and a machine without an answer is a failure', async () => {
    const hash = 'ab'.repeat(32);
    const rows: readonly (readonly [InputValue, readonly string[], string, 'success' | 'failed'])[] = [
      [{ fileExists: "C:\\it's.txt" }, ['file', "C:\\it's.txt"], 'yes\r\n', 'success'],
      [{ folderExists: 'C:\\none' }, ['folder', 'C:\\none'], 'no\r\n', 'failed'],
      [{ binaryExists: 'git' }, ['binary', 'git'], 'yes\r\n', 'success'],
      [{ path: 'C:\\a', fileSHA256Equals: hash }, ['hash', 'C:\\a', 'SHA256'], `${hash}\r\n`, 'success'],
      [{ path: 'C:\\none', fileMD5Equals: 'ab'.repeat(16) }, ['hash', 'C:\\none', 'MD5'], 'no\r\n', 'failed'],
    ];
    for (const [condition, fields, stdout, result] of rows) {
      const asked = await onWindows('Assert', condition, { exitCode: 0, stdout });
      assert.match(asked.calls[0]!.program, new RegExp(`^ +'${fields[0]}' \\{`, 'm'));
      assert.deepEqual(asked.calls[0]!.given!.items, [{ fields }]);
      assert.equal(asked.result.result, result);
    }
    await assert.rejects(
      onWindows('Assert', { fileExists: 'C:\\a' }, { exitCode: 1 }),
      /looking for the file C:\\a: why/,
    );
  });

  test("a program's message is the failure", async () => {
    assert.deepEqual((await onWindows('DeleteFile', [{ path: 'a' }], { exitCode: 1 })).result, {
      result: 'failed',
      message: 'why',
    });
  });

  test('owners and permissions use a program that rejects them', async () => {
    const { calls } = await onWindows('CreateFile', [{ path: 'a', owner: 'x' }]);
    assert.match(calls[0]!.program, /if \(\$args\[1\] -or \$args\[2\]\) \{ Fail/);
  });
});

describe('ExecutePowerShell', () => {
  test('writes the commands to a file and runs it', async () => {
    const { calls, files, result } = await onWindows('ExecutePowerShell', { commands: ['$a = 1', 'exit $a'] });
    assert.deepEqual([...files], [['C:\\work\\input.ps1', '\ufeff$a = 1\r\nexit $a\r\n']]);
    assert.deepEqual(calls[0]!.command.argv?.slice(-2), ['-File', 'C:\\work\\input.ps1']);
    assert.deepEqual(result, { result: 'success', outputs: { stdout: '' } });
    assert.equal(powerShellScript(['é']), '\ufeffé\r\n');
  });

  test('runs a file, and 3010 requests a restart', async () => {
    const { calls, result } = await onWindows('ExecutePowerShell', { file: 'D:\\run.ps1' }, { exitCode: 3010 });
    assert.equal(calls[0]!.command.argv?.at(-1), 'D:\\run.ps1');
    assert.deepEqual(result, { result: 'reboot', resume: 'same-step' });
  });

  test('takes exactly one of the two', () => assert.rejects(onWindows('ExecutePowerShell', {}), InputError));
});

describe('files from and to servers', () => {
  test('WebDownload creates the folders, downloads, and reports the path', async () => {
    const { calls, result } = await onWindows('WebDownload', [
      {
        source: 'https://example.org/d/setup.exe?a=1',
        destination: 'D:\\in\\',
        checksum: 'AB'.repeat(32),
        algorithm: 'SHA256',
      },
    ]);
    assert.deepEqual(calls[0]!.given!.items[0]!.fields, ['D:\\in\\setup.exe', 'true', 'sha256', 'ab'.repeat(32)]);
    assert.deepEqual(calls[1]!.given!.items[0]!.fields.slice(0, 6), [
      'get',
      'D:\\in\\setup.exe',
      'false',
      'sha256',
      'ab'.repeat(32),
      'https://example.org/d/setup.exe?a=1',
    ]);
    assert.equal(configurationOf(calls[1]!), 'url = "https://example.org/d/setup.exe?a=1"\nheader = "Expect:"');
    assert.deepEqual(result, { result: 'success', outputs: { destination: 'D:\\in\\setup.exe' } });
  });

  test('an existing file with the checksum is not downloaded again', async () => {
    const { calls, result } = await onWindows(
      'WebDownload',
      [{ source: 'https://example.org/a', destination: 'a', checksum: 'ab'.repeat(16), algorithm: 'MD5' }],
      { exitCode: 0, stdout: 'there' },
    );
    assert.equal(calls.length, 1);
    assert.equal(result.result, 'success');
  });

  test('S3Download signs for the instance profile, and its signature is on stdin only', async () => {
    const { calls, result } = await onWindows('S3Download', [
      { source: 's3://bucket/a/setup.msi', destination: 'C:\\in\\setup.msi' },
    ]);
    assert.deepEqual(
      calls.map(({ given }) => given!.items[0]!.fields.slice(0, 2)),
      [
        ['C:\\in\\setup.msi', 'true'],
        ['get', 'C:\\in\\setup.msi'],
      ],
    );
    assert.match(
      configurationOf(calls[1]!),
      /^url = "https:\/\/bucket\.s3\.us-east-1\.amazonaws\.com\/a\/setup\.msi"\n[^]*header = "authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\//,
    );
    assert.doesNotMatch(JSON.stringify(calls.map(({ command, given }) => [command.argv, given!.items])), /AWS4-HMAC/);
    assert.equal(result.result, 'success');
  });

  test('S3Download of a prefix creates Windows folders, and rejects names that are invalid on Windows', async () => {
    const listing = (key: string): string =>
      `<ListBucketResult><Contents><Key>${key}</Key></Contents><IsTruncated>false</IsTruncated></ListBucketResult>`;
    const prefix = [{ source: 's3://bucket/a/*', destination: 'C:\\in\\' }];
    const { calls, result } = await onWindows(
      'S3Download',
      prefix,
      { exitCode: 0, stdout: listing('a/b/c.txt') },
      { exitCode: 0 },
    );
    assert.deepEqual(calls.at(-1)!.given!.items[0]!.fields.slice(0, 2), ['get', 'C:\\in\\b\\c.txt']);
    assert.equal(result.result, 'success');
    for (const key of ['a/..%5Cevil', 'a/c%3Astream', 'a/b/', 'a/trailing.']) {
      const refused = await onWindows('S3Download', prefix, { exitCode: 0, stdout: listing(key) }, { exitCode: 0 });
      assert.ok(!refused.calls.some(({ given }) => given!.items[0]!.fields[0] === 'get'), key);
    }
  });

  test('S3Upload sends the files that the machine lists', async () => {
    const { calls, result } = await onWindows(
      'S3Upload',
      [{ source: 'C:\\logs\\*.txt', destination: 's3://bucket/in' }],
      { exitCode: 0, stdout: '3\0C:\\logs\\ä.txt\0ä.txt\0' },
      { exitCode: 0 },
    );
    assert.deepEqual(
      calls.map(({ given }) => given!.items[0]!.fields.slice(0, 2)),
      [
        ['C:\\logs\\*.txt', '*\\.\\t\\x\\t'],
        ['put', 'C:\\logs\\ä.txt'],
      ],
    );
    assert.match(
      configurationOf(calls[1]!),
      /^url = "https:\/\/bucket\.s3\.us-east-1\.amazonaws\.com\/in\/%C3%A4\.txt"/,
    );
    assert.equal(result.result, 'success');
    const one = await onWindows(
      'S3Upload',
      [{ source: 'C:\\logs\\a.txt', destination: 's3://bucket/in/' }],
      { exitCode: 0, stdout: '3\0C:\\logs\\a.txt\0\0' },
      { exitCode: 0 },
    );
    assert.match(configurationOf(one.calls[1]!), /\/in\/a\.txt"/);
  });

  test('the message of a transfer is the failure', async () => {
    const said = await onWindows(
      'WebDownload',
      [{ source: 'https://example.org/a', destination: 'a' }],
      { exitCode: 0 },
      { exitCode: 1 },
    );
    assert.deepEqual(said.result, { result: 'failed', message: 'why' });
  });
});

describe('UpdateOS', () => {
  const end = (failed: readonly string[], restart: boolean): Answer => ({
    exitCode: 0,
    stdout: `looking for updates\r\nend ${JSON.stringify({ restart, failed })}\n`,
  });

  test('runs a scheduled task of the system, which is PowerShell itself', async () => {
    const { calls, result } = await onWindows(
      'UpdateOS',
      { include: ['KB5005112', '890830', '*Defender*'], exclude: ['KB1'] },
      end([], false),
    );
    assert.deepEqual(calls[0]!.given!.items[0]!.fields.slice(0, 2), [
      '["KB5005112","KB890830","*Defender*"]',
      '["KB1"]',
    ]);
    const task = Buffer.from(calls[0]!.given!.content, 'base64');
    assert.equal(calls[0]!.given!.items[0]!.fields[2], String(task.length));
    assert.deepEqual(await powerShellFaults(task.toString()), []);
    // A script without a byte order mark is read in the system's code page.
    assert.match(task.toString(), /^[\n -~]+$/);
    assert.equal(calls[0]!.command.quiet, false);
    assert.deepEqual(result, { result: 'success' });
  });

  test('a pending restart comes first, then it runs again', async () =>
    assert.deepEqual((await onWindows('UpdateOS', {}, end(['x'], true))).result, {
      result: 'reboot',
      resume: 'same-step',
    }));
  test('reports what was not installed', async () =>
    assert.deepEqual(
      (await onWindows('UpdateOS', null, end(['KB1: it could not be installed (0x80240022)'], false))).result,
      {
        result: 'failed',
        message: 'these updates could not be installed: KB1: it could not be installed (0x80240022)',
      },
    ));
  test('no answer is a failure', async () =>
    assert.equal(
      (await onWindows('UpdateOS', {}, { exitCode: 0, stdout: 'looking for updates' })).result.result,
      'failed',
    ));
  test('a name must be one line', () => assert.rejects(onWindows('UpdateOS', { include: ['a\nb'] }), InputError));
});

describe('MSI', () => {
  test('an installer from a bucket or a web server is downloaded into the working directory', async () => {
    for (const from of ['s3://bucket/a/setup.msi', 'https://example.org/setup.msi?x=1']) {
      const { calls } = await onWindows(
        'InstallMSI',
        { path: from },
        { exitCode: 0 },
        { exitCode: 0, stdout: 'exit 0' },
      );
      assert.deepEqual(
        calls.map(({ given }) => given!.items[0]!.fields.slice(0, 2)),
        [
          ['get', 'C:\\work\\setup.msi'],
          ['C:\\work\\setup.msi', 'C:\\work\\setup.log'],
        ],
      );
    }
    await assert.rejects(
      onWindows('InstallMSI', { path: 'https://example.org/' }),
      /path: expected an address that ends in the name of an MSI file/,
    );
    assert.deepEqual((await onWindows('InstallMSI', { path: 's3://bucket/a.msi' }, { exitCode: 1 })).result, {
      result: 'failed',
      message: 'why',
    });
  });

  test('the msiexec call', () => {
    assert.deepEqual(
      stated(
        msiCall(
          { path: 'C:\\setup.msi', properties: { InstallDir: 'C:\\Program Files\\x', Text: 'say "hi"' } },
          '/i',
          'C:\\work',
        ),
      ),
      {
        path: 'C:\\setup.msi',
        logFile: 'C:\\work\\setup.log',
        reboot: 'Allow',
        checkSignature: true,
        allowUnsigned: false,
        arguments: [
          '/qn',
          '/norestart',
          '/L*VX',
          '"C:\\work\\setup.log"',
          'INSTALLDIR="C:\\Program Files\\x"',
          'TEXT="say ""hi"""',
          '/i',
        ],
      },
    );
  });

  for (const [name, value] of [
    ['REBOOT', 'Force'],
    ['reinstall', 'all'],
    ['a b', 'x'],
    ['A', 'x\ny'],
  ] as const) {
    test(`${name} rejects ${JSON.stringify(value)}`, () =>
      assert.throws(() => msiCall({ path: 'a.msi', properties: { [name]: value } }, '/i', 'C:\\'), InputError));
  }

  const codes: readonly [action: string, reboot: string, code: number, result: string][] = [
    ['InstallMSI', 'Allow', 0, 'success'],
    ['InstallMSI', 'Allow', 3010, 'reboot'],
    ['InstallMSI', 'Skip', 3010, 'success'],
    ['InstallMSI', 'Force', 0, 'reboot'],
    ['InstallMSI', 'Allow', 1603, 'failed'],
    ['InstallMSI', 'Allow', 1605, 'failed'],
    ['UninstallMSI', 'Allow', 1605, 'success'],
  ];
  for (const [action, reboot, code, wanted] of codes) {
    test(`${action}, reboot ${reboot}: ${code} is ${wanted}`, async () =>
      assert.equal(
        (await onWindows(action, { path: 'a.msi', reboot }, { exitCode: 0, stdout: `exit ${code}\r\n` })).result.result,
        wanted,
      ));
  }
});

describe('SetRegistry', () => {
  const paths: readonly [path: string, full: string][] = [
    ['HKLM:\\SOFTWARE\\x', 'HKEY_LOCAL_MACHINE\\SOFTWARE\\x'],
    ['HKEY_CURRENT_USER\\a b\\', 'HKEY_CURRENT_USER\\a b'],
    ['hkcr:/a/b', 'HKEY_CLASSES_ROOT\\a\\b'],
  ];
  for (const [path, full] of paths) test(path, () => assert.equal(registryPath(path), full));

  const values: readonly [type: string, value: InputValue, kind: string, json: string][] = [
    ['DWORD', '0xFF', 'DWord', '["255"]'],
    ['QWORD', '18446744073709551615', 'QWord', '["18446744073709551615"]'],
    ['SZ', 'a "b"', 'String', '["a \\"b\\""]'],
    ['MULTI_SZ', ['a', 'b'], 'MultiString', '["a","b"]'],
    ['BINARY', ['1', '255'], 'Binary', '["1","255"]'],
    ['EXPAND_SZ', '%x%', 'ExpandString', '["%x%"]'],
  ];
  for (const [type, value, kind, json] of values) {
    test(type, async () =>
      assert.deepEqual(
        (await onWindows('SetRegistry', [{ path: 'HKLM:\\a', name: 'n', type, value }])).calls[0]!.given!.items[0]!
          .fields,
        ['HKEY_LOCAL_MACHINE\\a', 'n', kind, json],
      ),
    );
  }

  for (const [type, value] of [
    ['DWORD', '4294967296'],
    ['BINARY', '256'],
    ['SZ', ['a', 'b']],
    ['DWORD', 'x'],
  ] as const) {
    test(`${type} rejects ${JSON.stringify(value)}`, () =>
      assert.rejects(onWindows('SetRegistry', [{ path: 'HKLM:\\a', name: 'n', type, value }]), InputError));
  }
  test('a path must begin with a hive', () => assert.throws(() => registryPath('SOFTWARE\\x'), InputError));
});

test('a document that was parsed for no platform is parsed again for Windows if that may lack something', async () => {
  const text = (step: string): string => `schemaVersion: 1.0\nphases:\n  - name: build\n    steps:\n      - ${step}\n`;
  const rows: readonly (readonly [string, RegExp | undefined, number])[] = [
    ['{name: A, action: ExecutePowerShell, inputs: {commands: [a]}}', undefined, 1],
    ['{name: A, action: ExecuteBash, inputs: {commands: [a]}}', /ExecuteBash does not exist on Windows/, 1],
    ['{name: A, action: CreateFile, inputs: [{path: a, owner: b}]}', /Input 'owner' does not exist on Windows/, 1],
    ['{name: A, action: Nothing}', /Unknown action module 'Nothing'/, 1],
  ];
  for (const [step, fault, times] of rows) {
    const asked: string[] = [];
    const nested: unknown[] = [];
    const result = await modules.get('ExecuteDocument')!.attempt({
      inputs: { document: 'C:\\a.yaml' },
      instance: { capabilities: { platform: 'Windows' }, get: async () => Buffer.from(text(step)) },
      parsed: (each: string) => {
        asked.push(each);
        return parseComponentDocument(each);
      },
      runNested: async (each: unknown) => {
        nested.push(each);
        return { status: 'success', phases: [], ignored: [] };
      },
    } as unknown as AttemptContext);
    assert.equal(asked.length, times);
    assert.equal(nested.length, fault === undefined ? 1 : 0);
    if (fault !== undefined) assert.match(result.result === 'failed' ? result.message : '', fault);
  }
});
