/** Converts Packer's provisioners to steps of component documents. Pure. */
import type { ReadLocal, LocalFile } from './files.ts';
import type { Provisioner, Settings } from './model.ts';
import {
  fileSteps,
  folderSteps,
  isPlain,
  plainText,
  powershellText,
  shellWord,
  sourceSteps,
  type PlainStep,
  type Step,
} from './steps.ts';

/** The machine that provisioners are translated for. */
export interface Machine {
  readonly windows: boolean;
  /** The account that Packer connects with; undefined for root. */
  readonly user: string | undefined;
  readonly source: { readonly name: string; readonly type: string };
  readonly read: ReadLocal;
}

type Translate = (settings: Settings, machine: Machine) => readonly PlainStep[];

/** All provisioners that have an equivalent. */
const TRANSLATED: Readonly<Record<string, Translate>> = {
  shell,
  file,
  powershell,
  'windows-shell': windowsShell,
  'windows-restart': (settings) => {
    settings.use('restart_timeout', 'restart_check_command', 'restart_command', 'check_registry', 'registry_keys');
    return [{ action: 'Reboot', inputs: {} }];
  },
  sleep: () => [],
};

/** Advice for other provisioners. */
const INSTEAD: Readonly<Record<string, string>> = {
  ansible: 'Ansible runs on your machine; examples/components/ansible-playbook.yaml runs a playbook in the instance',
  'ansible-local': 'examples/components/ansible-playbook.yaml runs a playbook in the instance',
  'shell-local': 'it runs on your machine, before or while Packer builds; run it before `$INGOT build`',
  breakpoint: '`$INGOT build --keep-on-failure` keeps an instance to look at',
  'puppet-masterless': 'examples/components/puppet-apply.yaml applies manifests in the instance',
  inspec: 'write its checks into the validate or test phase of a component',
  goss: 'write its checks into the validate or test phase of a component',
};

/** Settings of every provisioner. */
const COMMON = ['only', 'except', 'pause_before', 'max_retries', 'timeout', 'keep_input_artifact'];

/** The steps of a provisioner; parts without an equivalent are noted. */
export function stepsOf({ type, settings }: Provisioner, machine: Machine, number: number): readonly Step[] {
  const translate = TRANSLATED[type];
  if (translate === undefined || !Object.hasOwn(TRANSLATED, type)) {
    const why = Object.hasOwn(INSTEAD, type) ? INSTEAD[type]! : 'there is no equivalent; write it as a component';
    settings.note('left out', 'all of it', why);
    return [];
  }
  settings.use(...COMMON);
  const plain = [...pause(settings, machine), ...translate(settings, machine)];
  const retries = settings.number('max_retries');
  const timeout = settings.text('timeout');
  const seconds = timeout === undefined ? undefined : secondsOf(timeout);
  if (timeout !== undefined && seconds === undefined)
    settings.note('left out', 'timeout', `'${timeout}' is not a duration`);
  for (const name of settings.unused()) settings.note('left out', name, 'there is no equivalent');
  const label = labelOf(type, settings, plain);
  return plain.map((step, index) => ({
    ...step,
    name: `${String(number).padStart(2, '0')}-${label}${plain.length === 1 ? '' : `-${index + 1}`}`,
    place: settings.place,
    from: `provisioner ${type}`,
    ...(retries === undefined || retries < 1 ? {} : { maxAttempts: Math.min(Math.floor(retries) + 1, 10) }),
    ...(seconds === undefined ? {} : { timeoutSeconds: seconds }),
  }));
}

/** A name for steps: the script's, or the provisioner's. */
function labelOf(type: string, settings: Settings, plain: readonly PlainStep[]): string {
  if (plain.length === 0) return type;
  const given =
    type === 'file'
      ? (settings.text('destination') ?? type)
      : (settings.text('script') ?? settings.texts('scripts')?.[0] ?? type);
  const name = given.split(/[/\\]/).findLast((part) => part !== '') ?? type;
  const label = name
    .replace(/\.(sh|bash|ps1)$/, '')
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .replace(/^-|-$/g, '');
  return label.slice(0, 60) || type;
}

function pause(settings: Settings, { windows }: Machine): readonly PlainStep[] {
  const text = settings.text('pause_before');
  if (text === undefined) return [];
  const seconds = secondsOf(text);
  if (seconds === undefined) {
    settings.note('left out', 'pause_before', `'${text}' is not a duration`);
    return [];
  }
  return windows
    ? [{ action: 'ExecutePowerShell', inputs: { commands: [`Start-Sleep -Seconds ${seconds}`] } }]
    : [{ action: 'ExecuteBash', inputs: { commands: [`sleep ${seconds}`] } }];
}

/** Parses a duration in Go's format, `1h30m` or `10s`, to seconds, at least 1. */
function secondsOf(text: string): number | undefined {
  if (!/^(?:\d+(?:\.\d+)?(?:h|m|s|ms))+$/.test(text) || text.length > 30) return undefined;
  const units: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 0.001 };
  let seconds = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)) seconds += Number(amount) * units[unit!]!;
  return Math.min(Math.max(Math.ceil(seconds), 1), 604_800);
}

function shell(settings: Settings, machine: Machine): readonly PlainStep[] {
  settings.use(
    'remote_folder',
    'remote_file',
    'remote_path',
    'skip_clean',
    'start_retry_timeout',
    'binary',
    'use_env_var_file',
    'env_var_format',
    'expect_disconnect',
    'pause_after',
  );
  const exports = exportsOf(settings);
  const execution = executionOf(settings);
  const prologue = machine.user === undefined ? [] : [`cd ~${machine.user}`];
  const codes = settings.value('valid_exit_codes');
  if (codes !== undefined)
    settings.note('left out', 'valid_exit_codes', 'a step of a component succeeds with exit code 0');
  const steps: PlainStep[] = [];
  const inline = settings.texts('inline');
  if (inline !== undefined) {
    const shebang = settings.text('inline_shebang') ?? '/bin/sh -e';
    const flags = bashFlags(shebang);
    if (flags === undefined)
      settings.note('left out', 'inline_shebang', `commands run in bash, not in '${shebang.slice(0, 80)}'`);
    const set = [execution.flags, flags ?? ''].filter((each) => each !== '').map((each) => `set ${each}`);
    const { commands, reboot } = withoutReboot(inline);
    if (commands.length > 0) steps.push(...script([...set, ...prologue, ...exports, ...commands], machine));
    if (reboot) steps.push({ action: 'Reboot', inputs: {} });
  } else settings.use('inline_shebang');
  for (const [name, path] of named(settings, ['script', 'scripts'])) {
    const content = machine.read(path);
    if (content.kind !== 'file') {
      settings.note('left out', name, content.kind === 'folder' ? `${path} is a folder` : content.why);
      continue;
    }
    const runs = runScript(content.file, [...prologue, ...exports], execution.flags, machine);
    if (runs === undefined) settings.note('left out', name, tooLarge(path, content.file));
    else steps.push(...runs);
  }
  return steps;
}

/** The paths in settings, each with the setting's name. */
function named(settings: Settings, names: readonly string[]): readonly (readonly [name: string, path: string])[] {
  return names.flatMap((name) => (settings.texts(name) ?? []).map((path) => [name, path] as const));
}

function tooLarge(path: string, { bytes, size = bytes.length }: LocalFile): string {
  return `${path} has ${size} bytes, too many for a component: download it in a step (S3Download, WebDownload)`;
}

/** `export NAME='value'` for each variable that Packer would set. */
function exportsOf(settings: Settings): readonly string[] {
  return environmentOf(settings).map(([name, value]) => `export ${name}=${shellWord(value)}`);
}

function environmentOf(settings: Settings): readonly (readonly [string, string])[] {
  const all = new Map<string, string>();
  for (const line of settings.texts('environment_vars') ?? []) {
    const split = line.indexOf('=');
    const name = line.slice(0, split);
    if (split < 1 || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      settings.note('left out', 'environment_vars', `'${line.slice(0, 80)}' is not NAME=VALUE`);
    else all.set(name, line.slice(split + 1));
  }
  for (const [name, value] of settings.map('env') ?? [])
    if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) all.set(name, value);
    else settings.note('left out', 'env', `'${name.slice(0, 80)}' is not a valid variable name`);
  return [...all];
}

/** The flags of bash in a shebang or an interpreter's command line. Undefined for another interpreter. */
function bashFlags(shebang: string): string | undefined {
  const found =
    /^(?:\/usr)?(?:\/bin\/env(?: -S)? )?(?:\/(?:usr\/)?(?:local\/)?bin\/)?(?:ba|da|)sh((?: -[a-zA-Z]+| -o pipefail)*) *$/.exec(
      shebang.slice(0, 200).trim(),
    );
  return found === null ? undefined : found[1]!.replace(/ -[lc]\b/g, '').trim();
}

/** The flags of the shell in `execute_command`. */
function executionOf(settings: Settings): { readonly flags: string } {
  const command = settings.text('execute_command');
  if (command === undefined) return { flags: '' };
  const user = /(?:sudo|su)\b[^|;&]*?(?:-u|--user[= ]|\bsu -l?) *([a-z_][a-z0-9_-]*)/.exec(command.slice(0, 500))?.[1];
  if (user !== undefined && user !== 'root')
    settings.note(
      'choice',
      'execute_command',
      `the commands run as root, not as ${user}: write sudo -u ${user} where it matters`,
    );
  const interpreter = /(?:ba|)sh((?: -[eux]+| -o pipefail)*) +['"]?\{\{ *\.Path/.exec(command.slice(0, 500));
  const known = interpreter !== null || /^[^]*\{\{ *\.Path *\}\}['"]?\s*$/.test(command.slice(0, 500));
  if (!known || /powershell|python|ruby|perl/i.test(command))
    settings.note('left out', 'execute_command', 'the commands run in bash as root, whatever it says');
  return { flags: interpreter?.[1]?.trim() ?? '' };
}

/** Splits off a restart at the end, which becomes a separate step. */
function withoutReboot(commands: readonly string[]): {
  readonly commands: readonly string[];
  readonly reboot: boolean;
} {
  const isReboot = (command: string): boolean =>
    /^\s*(?:sudo )?(?:\/sbin\/|systemctl )?(?:reboot(?: now| -f)?|shutdown -r(?: now| \+0)?|init 6)\s*(?:&|;)?\s*$/.test(
      command.slice(0, 100),
    );
  const last = commands.findLastIndex((command) => command.trim() !== '');
  if (last === -1 || !isReboot(commands[last]!)) return { commands, reboot: false };
  return { commands: commands.slice(0, last), reboot: true };
}

/** Commands unchanged, or packed if a document cannot contain them. */
function script(commands: readonly string[], machine: Machine): readonly PlainStep[] {
  const text = commands.join('\n');
  if (isPlain(text) || resolves(text)) return [{ action: 'ExecuteBash', inputs: { commands } }];
  const bytes = Buffer.from(`${text}\n`);
  return runFile({ name: 'commands.sh', bytes, executable: true }, [], 'bash ', machine) ?? [];
}

/** Whether double braces are only references to secrets that the importer itself wrote. */
function resolves(text: string): boolean {
  return isPlain(text.replaceAll(/\{\{ resolve:(?:secretsmanager|ssm-secure):[\w/.:@+=-]+ \}\}/g, ''));
}

/** A short text; undefined also if it was not read. */
function textOf({ bytes, size }: LocalFile): string | undefined {
  return size === undefined ? plainText(bytes) : undefined;
}

function runScript(
  own: LocalFile,
  prologue: readonly string[],
  flags: string,
  machine: Machine,
): readonly PlainStep[] | undefined {
  const text = textOf(own);
  const shebang = /^#!([^\n]*)/.exec(text ?? '')?.[1];
  const own_flags = shebang === undefined ? '' : bashFlags(shebang);
  if (text === undefined || own_flags === undefined || /\$0\b|BASH_SOURCE/.test(text))
    return runFile(own, prologue, flags === '' ? '' : `bash ${flags} `, machine);
  const set = [flags, own_flags].filter((each) => each !== '').map((each) => `set ${each}`);
  const lines = text.replaceAll('\r\n', '\n').replace(/^#![^\n]*\n/, '');
  return [{ action: 'ExecuteBash', inputs: { commands: [...set, ...prologue, lines] } }];
}

/** Runs a script as a file and removes it, as Packer does. */
function runFile(
  own: LocalFile,
  prologue: readonly string[],
  interpreter: string,
  machine: Machine,
): readonly PlainStep[] | undefined {
  const path = `/tmp/packer-${own.name.replace(/[^\w.-]+/g, '-').slice(-80)}`;
  const inside =
    own.size === undefined
      ? fileSteps({ bytes: own.bytes, executable: true }, path, machine.windows, undefined)
      : undefined;
  const packed = inside ?? uploaded(own, path);
  if (packed === undefined) return undefined;
  return [
    ...packed,
    {
      action: 'ExecuteBash',
      inputs: {
        commands: [
          'set -e',
          ...(inside === undefined ? [`chmod +x ${path}`] : []),
          ...prologue,
          `${interpreter}${path}`,
          `rm -f ${path}`,
        ],
      },
    },
  ];
}

function uploaded({ path }: LocalFile, destination: string): readonly PlainStep[] | undefined {
  return path === undefined ? undefined : sourceSteps(path, destination, undefined);
}

function file(settings: Settings, machine: Machine): readonly PlainStep[] {
  const direction = settings.text('direction') ?? 'upload';
  const asked = settings.text('destination');
  settings.use('generated');
  if (direction !== 'upload') {
    settings.use('source', 'sources', 'content');
    settings.note('left out', 'direction', 'files do not leave an instance: upload them in a step (S3Upload)');
    return [];
  }
  if (asked === undefined) return [];
  const destination = absolute(asked, machine);
  const content = settings.text('content');
  if (content !== undefined) {
    const bytes = Buffer.from(content);
    return placed(settings, 'content', { name: 'content', bytes, executable: false }, destination, machine);
  }
  return named(settings, ['source', 'sources']).flatMap(([name, path]): readonly PlainStep[] => {
    const found = machine.read(path);
    if (found.kind === 'absent') {
      settings.note('left out', name, found.why);
      return [];
    }
    if (found.kind === 'file') {
      const own = /[/\\]$/.test(destination) ? `${destination}${baseName(path)}` : destination;
      return placed(settings, name, found.file, own, machine);
    }
    // With a trailing slash, the folder's content; without, the folder itself.
    const base = destination.replace(/[/\\]$/, '');
    const into = path.endsWith('/') ? base : `${base}/${baseName(path)}`;
    if (found.path !== undefined && found.files.length > 0 && !found.path.includes('*')) {
      tellOutside(settings, name, found.path);
      return folderSteps(found.path, into, machine.windows, ownerOf(into, machine));
    }
    return found.files.flatMap((each) => placed(settings, name, each, `${into}/${each.name}`, machine));
  });
}

function placed(
  settings: Settings,
  name: string,
  own: LocalFile,
  destination: string,
  machine: Machine,
): readonly PlainStep[] {
  const owner = ownerOf(destination, machine);
  if (own.path !== undefined && !own.path.includes('*')) {
    tellOutside(settings, name, own.path);
    return sourceSteps(own.path, destination, machine.windows ? undefined : owner);
  }
  const steps = fileSteps(own, destination, machine.windows, owner);
  if (steps !== undefined) return steps;
  settings.note('left out', name, tooLarge(own.name, own));
  return [];
}

/** Notes that the build reads only files beside its template, unless `--file-root` says otherwise. */
function tellOutside(settings: Settings, name: string, path: string): void {
  if (path.startsWith('..'))
    settings.note('choice', name, `${path} is outside of the template's folder: build with --file-root FOLDER`);
}

/** The owner of files in the home folder of the account that Packer connects with. */
function ownerOf(path: string, { user }: Machine): string | undefined {
  return user !== undefined && path.startsWith(`/home/${user}/`) ? user : undefined;
}

function baseName(path: string): string {
  return path.split('/').findLast((part) => part !== '' && part !== '.') ?? 'file';
}

/** A relative destination is in the home folder of the account that Packer connects with. */
function absolute(path: string, { windows, user }: Machine): string {
  if (windows) return /^([A-Za-z]:|\\|\/)/.test(path) ? path : `C:\\${path}`;
  const home = user === undefined ? '/root' : `/home/${user}`;
  if (path === '~' || path.startsWith('~/')) return `${home}${path.slice(1)}`;
  return path.startsWith('/') ? path : `${home}/${path.replace(/^\.\//, '')}`;
}

/** Runs commands of cmd.exe as a batch file and removes it, as Packer does. */
function windowsShell(settings: Settings, machine: Machine): readonly PlainStep[] {
  settings.use('remote_path', 'start_retry_timeout', 'binary', 'env_var_format', 'elevated_user', 'elevated_password');
  for (const name of ['execute_command', 'valid_exit_codes'])
    if (settings.has(name)) settings.note('left out', name, 'the commands run in cmd.exe as the system account');
  settings.use('execute_command', 'valid_exit_codes');
  const variables = environmentOf(settings).map(([name, value]) => `set "${name}=${value}"`);
  const batches: (readonly string[])[] = [];
  const inline = settings.texts('inline');
  if (inline !== undefined) batches.push(inline);
  for (const [name, path] of named(settings, ['script', 'scripts'])) {
    const found = machine.read(path);
    const text = found.kind === 'file' ? textOf(found.file) : undefined;
    if (text !== undefined) batches.push([text.replaceAll('\r\n', '\n')]);
    else settings.note('left out', name, found.kind === 'absent' ? found.why : `${path} is not a short text`);
  }
  return batches.map((lines): PlainStep => {
    const batch = ['@echo off', ...variables, ...lines].join('\n').split('\n');
    const text = batch.map(powershellText).join(',\n  ');
    return {
      action: 'ExecutePowerShell',
      inputs: {
        commands: [
          "$ErrorActionPreference = 'Stop'",
          "$batch = Join-Path $env:TEMP 'packer-commands.cmd'",
          `[IO.File]::WriteAllLines($batch, [string[]]@(\n  ${text}\n))`,
          '& cmd.exe /c $batch',
          '$code = $LASTEXITCODE',
          'Remove-Item $batch',
          'exit $code',
        ],
      },
    };
  });
}

function powershell(settings: Settings, machine: Machine): readonly PlainStep[] {
  settings.use(
    'elevated_user',
    'elevated_password',
    'remote_path',
    'remote_env_var_path',
    'skip_clean',
    'start_retry_timeout',
    'execution_policy',
    'use_pwsh',
    'pause_after',
    'binary',
    'elevated_execute_command',
    'debug_mode',
  );
  if (settings.has('elevated_user'))
    settings.note('choice', 'elevated_user', 'the commands run as the system account, which has all rights');
  if (settings.has('execute_command'))
    settings.note('left out', 'execute_command', 'the commands run in PowerShell as the system account');
  settings.use('execute_command');
  if (settings.has('valid_exit_codes'))
    settings.note('left out', 'valid_exit_codes', 'a step of a component succeeds with exit code 0');
  settings.use('valid_exit_codes');
  const variables = environmentOf(settings).map(([name, value]) => `$env:${name} = ${powershellText(value)}`);
  const steps: PlainStep[] = [];
  const inline = settings.texts('inline');
  if (inline !== undefined)
    steps.push({ action: 'ExecutePowerShell', inputs: { commands: [...variables, ...inline] } });
  for (const [name, path] of named(settings, ['script', 'scripts'])) {
    const found = machine.read(path);
    if (found.kind !== 'file') {
      settings.note('left out', name, found.kind === 'folder' ? `${path} is a folder` : found.why);
      continue;
    }
    const text = textOf(found.file);
    if (text !== undefined) {
      const commands = [...variables, text.replaceAll('\r\n', '\n')];
      steps.push({ action: 'ExecutePowerShell', inputs: { commands } });
      continue;
    }
    const place = `C:\\Windows\\Temp\\packer-${baseName(path).replace(/[^\w.-]+/g, '-')}`;
    const inside = found.file.size === undefined ? fileSteps(found.file, place, true, undefined) : undefined;
    const packed = inside ?? uploaded(found.file, place);
    if (packed === undefined) settings.note('left out', name, tooLarge(path, found.file));
    else
      steps.push(...packed, {
        action: 'ExecutePowerShell',
        inputs: { commands: ["$ErrorActionPreference = 'Stop'", ...variables, `& ${powershellText(place)}`] },
      });
  }
  return steps;
}
