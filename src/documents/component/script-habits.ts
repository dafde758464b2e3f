/**
 * Finds valid but probably wrong parts of a bash script that a runner executes: restarting the machine itself, or a
 * program that waits for input. Pure.
 */
import type { FaultCode } from '../faults.ts';
import { shellCommands, type ShellCommand } from './shell-commands.ts';

/** A warning. */
export interface ScriptHabit {
  readonly code: FaultCode;
  /** Line of the script, from 1. */
  readonly line: number;
  /** The message. */
  readonly message: string;
}

/** The warnings about a script, in the order of its lines. */
export function scriptHabits(script: string): readonly ScriptHabit[] {
  const commands = shellCommands(script);
  const answered = commands.some(({ words }) => words[0] === 'yes');
  const habits = commands.flatMap((command): readonly ScriptHabit[] => {
    const message = restarts(command);
    if (message !== undefined) return [{ code: 'restart-in-script', line: command.line, message }];
    if (answered || !asks(command)) return [];
    const said =
      `'${shown(command)}' may prompt, but the standard input of a step is closed. Add ` +
      `${YES.get(command.words[0]!) ?? '-y'}.`;
    return [{ code: 'unanswered-question', line: command.line, message: said }];
  });
  const last = commands.at(-1);
  if (last?.words[0] === 'exit' && last.words[1] === '194' && !GUARD.test(script)) {
    const message =
      "The script always ends with 'exit 194': it runs again after each restart, without end. Let it see what it " +
      'has done, or use the action Reboot.';
    habits.push({ code: 'endless-restart', line: last.line, message });
  }
  return habits;
}

/** Text that makes a command conditional. */
const GUARD = /(?:^|[\s;])(?:if|case|while|until|test)\s|\[|&&|\|\|/m;

const AGAIN = 'End the script with "exit 194" to have it run again after a restart, or use the action Reboot.';

function restarts({ words }: ShellCommand): string | undefined {
  const [program = '', ...args] = words;
  const what = `'${words.join(' ').slice(0, 60)}'`;
  const restart = `${what} restarts the machine in the middle of the run, which then fails. ${AGAIN}`;
  const off = `${what} turns the machine off in the middle of the run, which then fails.`;
  if (args.some((word) => /^(?:--help|--version|-c|-k|--show|--wtmp-only|-w)$/.test(word))) return undefined;
  if (program === 'reboot') return restart;
  if (program === 'poweroff' || program === 'halt') return off;
  if (program === 'shutdown') return args.some((word) => /^-[a-zA-Z]*r|^--reboot$/.test(word)) ? restart : off;
  const operands = args.filter((word) => !word.startsWith('-'));
  if (program === 'init' || program === 'telinit')
    return operands[0] === '6' ? restart : operands[0] === '0' ? off : undefined;
  if (program !== 'systemctl' && program !== 'loginctl') return undefined;
  if (operands[0] === 'reboot' || operands[0] === 'kexec' || operands[0] === 'soft-reboot') return restart;
  return operands[0] === 'poweroff' || operands[0] === 'halt' ? off : undefined;
}

const APT = [
  'install',
  'reinstall',
  'remove',
  'purge',
  'autoremove',
  'upgrade',
  'dist-upgrade',
  'full-upgrade',
  'build-dep',
  'safe-upgrade',
];
const DNF = [
  'install',
  'reinstall',
  'localinstall',
  'groupinstall',
  'group',
  'remove',
  'erase',
  'autoremove',
  'update',
  'upgrade',
  'downgrade',
  'distro-sync',
  'swap',
  'module',
];
const ZYPPER = ['install', 'in', 'remove', 'rm', 'update', 'up', 'dist-upgrade', 'dup', 'patch'];

/** The verbs with which a package tool asks for confirmation. */
const ASKING: ReadonlyMap<string, readonly string[]> = new Map([
  ...['apt-get', 'apt', 'aptitude', 'nala'].map((tool) => [tool, APT] as const),
  ...['yum', 'dnf', 'microdnf'].map((tool) => [tool, DNF] as const),
  ['zypper', ZYPPER],
]);
const YES: ReadonlyMap<string, string> = new Map([
  ['apt-get', '--yes'],
  ['apt', '--yes'],
  ['zypper', '--non-interactive before the verb'],
]);

/** Verbs with which no package tool asks; `update` asks in tools where it means upgrade. */
const HARMLESS =
  /^(?:check|check-update|clean|autoclean|makecache|refresh|download|source|list|search|show|info|policy)$/;

function harmless(program: string, word: string): boolean {
  return HARMLESS.test(word) || (word === 'update' && /^(?:apt|aptitude|nala)/.test(program));
}

const ANSWERED =
  /^-[a-zA-Z]*[yn]|^-qq|^--(?:yes|assume-?yes|assumeno|force-yes|trivial-only|no-confirm|non-interactive|simulate|dry-run|just-print|no-act|recon|help|version|no-gpg-checks)$|Assume-Yes|^-[a-zA-Z]*s/;

function asks({ words, input }: ShellCommand): boolean {
  const [program = '', ...args] = words;
  const verbs = ASKING.get(program);
  if (verbs === undefined || input !== undefined) return false;
  const verb = args.findIndex((word) => verbs.includes(word));
  // The first verb counts: what YAML joined to 'apt-get update' from the next line is an argument of it.
  if (verb === -1 || args.slice(0, verb).some((word) => harmless(program, word))) return false;
  if (args.some((word) => ANSWERED.test(word))) return false;
  // Options in a variable are only known in a run.
  return (
    !args.slice(0, verb).some((word) => word.includes('$')) &&
    !args.some((word) => /\$\{?\w*(?:opt|flag|arg|yes)/i.test(word))
  );
}

function shown({ words }: ShellCommand): string {
  const whole = words.join(' ').replace(/\s+/g, ' ');
  return whole.length <= 60 ? whole : `${whole.slice(0, 60)}…`;
}
