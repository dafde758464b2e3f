/**
 * Commands on a Windows machine over ssh: a real ssh, a real sshd; in place of Windows a stand-in that answers as its
 * programs do.
 */
import { deepEqual, equal, match, notEqual, ok, rejects } from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { CommandRequest, Instance } from '../../src/instances/instance.ts';
import { connectToWindows, type SshMachine } from '../../src/instances/ssh/windows-instance.ts';
import { until } from '../../src/platform/clock.ts';
import { run, start } from '../harness/processes.ts';
import { MAIN } from '../harness/service.ts';
import { startSshd, type Sshd } from '../harness/sshd.ts';

const STAND_IN = fileURLToPath(new URL('../harness/windows-stand-in.ts', import.meta.url));

async function output(instance: Instance, request: CommandRequest) {
  const streams = { stdout: '', stderr: '' };
  const ended = await instance.run({
    ...request,
    onOutput: (stream, chunk) => {
      streams[stream] += chunk.toString();
    },
  });
  return { ...ended, ...streams };
}

describe('a Windows machine over ssh', () => {
  let sshd: Sshd;
  let drive: string;
  let machine: SshMachine;
  let instance: Instance;
  before(async () => {
    drive = await mkdtemp(join(tmpdir(), 'ingot-drive-'));
    await writeFile(join(drive, 'boot-id'), '638000000000000000');
    sshd = await startSshd(`exec ${process.execPath} ${STAND_IN} ${drive}`);
    process.env['PATH'] = `${process.env['PATH']}:${sshd.programs}`;
    machine = { host: '127.0.0.1', port: sshd.port, configFile: sshd.configFile };
    instance = await connectToWindows('windows', machine);
  });
  after(async () => {
    await instance?.terminate();
    await sshd?.stop();
    await rm(drive, { recursive: true, force: true });
  });

  test('exit codes have 32 bits, both streams stay apart', async () => {
    for (const exitCode of [0, 3, 194, 3010, -1073741515]) {
      deepEqual(await output(instance, { argv: ['exit.exe', String(exitCode)] }), {
        exitCode,
        signal: null,
        timedOut: false,
        stdout: '',
        stderr: '',
      });
    }
    deepEqual(
      await output(instance, { argv: ['sh', '-c', 'echo out; echo err >&2; printf "no newline" >&2; exit 4'] }),
      { exitCode: 4, signal: null, timedOut: false, stdout: 'out\n', stderr: 'err\nno newline' },
    );
  });

  test('arguments, environment, folder and stdin arrive as they are', async () => {
    const evil = ['', 'a b', 'say "hi"', 'C:\\with blank\\', 'a\\\\"b', '%PATH% & $(x) `y`', "it's", 'ü\n2'];
    equal(
      (await output(instance, { argv: ['printf', '%s|', ...evil] })).stdout,
      evil.map((each) => `${each}|`).join(''),
    );
    equal(
      (await output(instance, { argv: ['sh', '-c', 'printf %s "$VALUE"'], env: { VALUE: 'a "b" $c' } })).stdout,
      'a "b" $c',
    );
    await mkdir(join(drive, 'work'));
    equal((await output(instance, { argv: ['pwd'], cwd: 'C:\\work' })).stdout, `${join(drive, 'work')}\n`);
    const bytes = Buffer.alloc(3 << 20, 'Ingot\0\x1e');
    const got: Buffer[] = [];
    await instance.run({
      argv: ['cat'],
      stdin: bytes,
      onOutput: (stream, chunk) => {
        if (stream === 'stdout') got.push(chunk);
      },
    });
    ok(Buffer.concat(got).equals(bytes));
  });

  test('a program that is missing is 127', async () => {
    const ended = await output(instance, { argv: ['no-such.exe'] });
    equal(ended.exitCode, 127);
    match(ended.stderr, /no-such\.exe/);
  });

  test('a deadline and an abort end the command', async () => {
    const mark = join(drive, 'late');
    deepEqual(await instance.run({ argv: ['sh', '-c', `sleep 3; touch ${mark}`], timeoutSeconds: 0.5 }), {
      exitCode: null,
      signal: 'SIGKILL',
      timedOut: true,
    });
    const controller = new AbortController();
    let running = false;
    const ended = instance.run({
      argv: ['sh', '-c', `echo $$; sleep 300; touch ${mark}`],
      signal: controller.signal,
      onOutput: (_, chunk) => {
        running = true;
        pid = Number(chunk.toString());
      },
    });
    let pid = 0;
    ended.catch(() => {});
    await until('the command', 10_000, () => running || undefined);
    controller.abort(new Error('enough'));
    await rejects(ended, /enough/);
    await until(
      'the end of the command',
      10_000,
      async () =>
        await readFile(`/proc/${pid}/stat`).then(
          () => undefined,
          () => true,
        ),
    );
    await rejects(readFile(mark));
  });

  test('what a command leaves running does not hold it up', async () => {
    equal((await output(instance, { argv: ['sh', '-c', 'setsid sleep 20 & echo done'] })).stdout, 'done\n');
  });

  test('files', async () => {
    const bytes = Buffer.from([0, 255, 13, 10, 30]);
    await instance.put('C:\\new folder\\a.bin', bytes);
    deepEqual(await instance.get('C:\\new folder\\a.bin'), bytes);
    await rejects(instance.get('C:\\nothing'), /C:\\nothing cannot be read on 127\.0\.0\.1: no such file/);
  });

  test('a reboot is over when another boot answers', async () => {
    const before = await readFile(join(drive, 'boot-id'), 'utf8');
    const id = await instance.reboot({ timeoutSeconds: 60 });
    notEqual(id, before);
    equal((await output(instance, { argv: ['echo', 'back'] })).stdout, 'back\n');
  });

  test('ingot toe run: a script that asks for a restart goes on after it', async () => {
    const file = join(drive, 'document.yaml');
    await writeFile(
      file,
      `name: windows
schemaVersion: 1.0
phases:
  - name: build
    steps:
      - name: Restart
        action: ExecutePowerShell
        inputs:
          commands:
            - '[ -e restarted ] && echo after; [ -e restarted ] && exit 0'
            - touch restarted
            - exit 3010
      - name: Use
        action: ExecuteBinary
        inputs: { path: echo, arguments: ['said {{ build.Restart.outputs.stdout }}'] }
`,
    );
    const { code, stdout, stderr } = await run(
      [
        process.execPath,
        MAIN,
        'toe',
        'run',
        file,
        '--on',
        `ssh://127.0.0.1:${sshd.port}`,
        '--ssh-config',
        sshd.configFile,
        '--log-directory',
        drive,
      ],
      { okCodes: 'any' },
    );
    equal(code, 0, stdout + stderr);
    match(stderr, /restarting the machine/);
    match(stderr, /said after/);
  });

  test('a killed run leaves no ssh', async () => {
    const connections = () =>
      readdirSync('/proc').filter((pid) => {
        try {
          return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${sshd.configFile}\0`);
        } catch {
          return false; // Gone in between.
        }
      });
    const file = join(drive, 'long.yaml');
    await writeFile(
      file,
      'schemaVersion: 1.0\nphases: [{name: build, steps: [{name: Long, action: ExecuteBinary, inputs: {path: ' +
        'sleep, arguments: ["30"]}}]}]\n',
    );
    const before = connections();
    const child = await start([
      process.execPath,
      MAIN,
      'toe',
      'run',
      file,
      '--on',
      `ssh://127.0.0.1:${sshd.port}`,
      '--ssh-config',
      sshd.configFile,
      '--log-directory',
      drive,
    ]);
    // Itself, its connection, its command.
    await until('the command', 30_000, () => connections().length >= before.length + 3 || undefined);
    child.kill('SIGKILL');
    await until('the end of what it started', 10_000, () => connections().length === before.length || undefined);
  });

  test('a user who cannot connect learns why and what to do', async () => {
    const config = join(drive, 'config');
    await writeFile(
      config,
      (await readFile(sshd.configFile, 'utf8')).replace(
        /UserKnownHostsFile .*/,
        'UserKnownHostsFile /dev/null\nGlobalKnownHostsFile /dev/null',
      ),
    );
    await rejects(
      connectToWindows('w', { ...machine, configFile: config }),
      /Host key verification failed.*What to do: connect once by hand \(ssh -p \d+ 127\.0\.0\.1\)/,
    );
    await writeFile(
      config,
      (await readFile(sshd.configFile, 'utf8')).replace(/IdentityFile .*/, 'IdentityFile /dev/null'),
    );
    await rejects(
      connectToWindows('w', { ...machine, configFile: config }),
      /Permission denied.*administrators_authorized_keys/,
    );
    await rejects(
      connectToWindows('w', { ...machine, port: 1 }),
      /Connection refused.*What to do: see whether ssh -p 1 127\.0\.0\.1 works/,
    );
    const wrong = await run(
      [process.execPath, MAIN, 'toe', 'run', join(drive, 'document.yaml'), '--on', 'ssh://a:b@host'],
      { okCodes: 'any' },
    );
    equal(wrong.code, 2);
    match(wrong.stderr, /--on: invalid address 'ssh:\/\/a:b@host': expected ssh:\/\/\[USER@\]HOST\[:PORT\]/);
  });
});
