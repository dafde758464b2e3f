/**
 * Stands in for the PowerShell of a Windows machine behind a real sshd: the forced command of its logins. It knows the
 * few programs that Ingot sends, by their text, does what each is there for with this host's means, and answers as they
 *   do. What PowerShell itself makes of them it does not show. node windows-stand-in.ts FOLDER     the folder is its
 *   drive C:, and keeps its boot id
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BOOT_ID, GET, powerShellCommand, PUT, SUPERVISOR } from '../../src/instances/ssh/windows-programs.ts';

const drive = process.argv[2]!;
const asked = process.env['SSH_ORIGINAL_COMMAND'] ?? '';
const bootId = join(drive, 'boot-id');
const path = (name: string): string => join(drive, name.replace(/^C:/i, '').replaceAll('\\', '/'));
const answer = (code: number): never => process.exit(code);

if (asked === powerShellCommand(BOOT_ID)) {
  process.stdout.write(`${readFileSync(bootId, 'utf8')}\n`);
} else if (asked === powerShellCommand(PUT)) {
  const { path: name, content } = input() as { path: string; content: string };
  mkdirSync(dirname(path(name)), { recursive: true });
  writeFileSync(path(name), Buffer.from(content, 'base64'));
} else if (asked === powerShellCommand(GET)) {
  const { path: name } = input() as { path: string };
  if (!existsSync(path(name))) {
    process.stderr.write('no such file\r\n');
    answer(1);
  }
  process.stdout.write(readFileSync(path(name)));
} else if (asked === powerShellCommand(SUPERVISOR)) {
  supervise(input() as Command);
} else if (/^taskkill\.exe \/T \/F \/PID \d+$/.test(asked)) {
  process.kill(-Number(asked.split(' ').at(-1)), 'SIGKILL');
} else {
  process.stderr.write(`'${asked.slice(0, 60)}' is not recognized as an internal or external command\r\n`);
  answer(1);
}

interface Command {
  readonly mark: string;
  readonly program: string;
  readonly arguments: string;
  readonly cwd: string;
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly stdin: string;
  readonly milliseconds: number;
}

function input(): unknown {
  return JSON.parse(readFileSync(0, 'utf8'));
}

function supervise(command: Command): void {
  const say = (what: string): void => void process.stderr.write(`\x1e${command.mark} ${what}\n`);
  const argv = commandLineToArgv(command.arguments);
  if (command.program === 'shutdown.exe') {
    writeFileSync(bootId, String(BigInt(readFileSync(bootId, 'utf8')) + 1n));
    process.kill(process.ppid, 'SIGKILL'); // The connection's sshd: the machine goes down.
    return;
  }
  if (command.program === 'exit.exe') return say(`exited ${argv[0]}`);
  const [program, ...rest] =
    command.program === 'powershell.exe' ? ['bash', '-c', script(argv), 'script'] : [command.program, ...argv];
  const child = spawn(program!, rest, {
    cwd: path(command.cwd),
    detached: true,
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { PATH: process.env['PATH'], ...Object.fromEntries(command.env.map(({ name, value }) => [name, value])) },
  });
  child.once('error', (error: NodeJS.ErrnoException) => {
    process.stderr.write(`${command.program}: ${error.message}\r\n`);
    say(`exited ${error.code === 'ENOENT' ? 127 : 126}`);
  });
  child.stdin!.on('error', () => {});
  child.stdin!.end(Buffer.from(command.stdin, 'base64'));
  if (child.pid !== undefined) say(`pid ${child.pid}`);
  const deadline =
    command.milliseconds < 0
      ? undefined
      : setTimeout(() => {
          process.kill(-child.pid!, 'SIGKILL');
          say('deadline');
          process.exit(0);
        }, command.milliseconds);
  child.once('exit', (code) => {
    clearTimeout(deadline);
    say(`exited ${code === 110 ? 3010 : code}`); // Programs of this host have no larger exit codes.
    process.exit(0);
  });
}

/** A script's file (`-File`), whose lines are bash here; `exit 3010` is possible. */
function script(argv: readonly string[]): string {
  return readFileSync(path(argv[argv.indexOf('-File') + 1]!), 'utf8')
    .replace('\ufeff', '')
    .replaceAll('\r\n', '\n')
    .replaceAll('exit 3010', 'exit 110');
}

/** Source: Microsoft's documentation of `CommandLineToArgvW`. */
function commandLineToArgv(line: string): string[] {
  const argv: string[] = [];
  let current: string | undefined;
  let quoted = false;
  for (let at = 0; at < line.length; ) {
    const slashes = /^\\*/.exec(line.slice(at))![0].length;
    at += slashes;
    if (slashes > 0 && line[at] !== '"') current = (current ?? '') + '\\'.repeat(slashes);
    else if (slashes > 0) current = (current ?? '') + '\\'.repeat(Math.floor(slashes / 2));
    const char = line[at];
    if (char === undefined) break;
    at++;
    if (char === '"' && slashes % 2 === 1) current = `${current ?? ''}"`;
    else if (char === '"') {
      quoted = !quoted;
      current ??= '';
    } else if (/\s/.test(char) && !quoted) {
      if (current !== undefined) argv.push(current);
      current = undefined;
    } else current = (current ?? '') + char;
  }
  if (current !== undefined) argv.push(current);
  return argv;
}
