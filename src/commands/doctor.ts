/** `ingot doctor`. */
import { GROUPS, isFit, type CheckResult, type Status } from '../doctor/check.ts';
import { examineHost, installPackages, missingPackages } from '../doctor/doctor.ts';
import { CLIENT_OPTIONS, dataDirectoryOf } from './client.ts';
import type { Arguments, Command } from './command.ts';
import { catchInterrupt, interruptNote } from './interrupt.ts';
import { plainLine } from './text.ts';
import { INGOT } from '../platform/own-program.ts';

export const doctor: Command = {
  usage: 'doctor [OPTIONS]',
  about: `
Checks what this host can do, one line per check, with a command that fixes each problem. Most checks exercise the
feature for real: they mount a small disk, run a container, create a network and boot a kernel under KVM. Nothing is
left behind.

The "Isolation" section shows what separates components from this host, and what to do before running components whose
authors you do not trust.

  ok    works
  warn  builds and tests work, with limitations
  FAIL  builds or tests cannot work`,
  options: {
    install: { help: 'install missing Debian packages first' },
    json: { help: 'print {"checks":[{"name","group","status","detail","remedy"}],"ok"}' },
    data: CLIENT_OPTIONS['data']!,
  },
  exitCodes: {
    0: 'builds and tests can work',
    1: 'something they need is missing',
    2: 'usage error',
    130: 'interrupted',
  },
  examples: ['ingot doctor --install'],
  positionals: [],
  run,
};

const LABELS: Readonly<Record<Status, string>> = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' };
const COLOURS: Readonly<Record<Status, number>> = { ok: 32, warn: 33, fail: 31 };

async function run(args: Arguments): Promise<number> {
  const dataDirectory = dataDirectoryOf(args);
  const json = args.flag('json');
  const interrupt = catchInterrupt((cause) => process.stderr.write(`ingot: ${interruptNote(cause, 'cleaning up')}\n`));
  try {
    if (args.flag('install') && (await missingPackages()).length > 0) {
      if (!(await installPackages((chunk) => void process.stderr.write(chunk), interrupt.signal)))
        process.stderr.write('ingot: the packages could not all be installed\n');
    }
    const results: CheckResult[] = [];
    for await (const result of examineHost({ dataDirectory, signal: interrupt.signal })) {
      results.push(result);
      if (!json && !interrupt.signal.aborted) {
        const heading =
          result.group === undefined || results.at(-2)?.group === result.group ? '' : `\n${GROUPS[result.group]}\n`;
        process.stdout.write(`${heading}${shown(result)}\n`);
      }
    }
    if (interrupt.signal.aborted) return interrupt.exitCode;
    const ok = isFit(results);
    if (json) {
      const checks = results.map(
        // Only the members for users.
        ({ name, group, status, detail, remedy }) => ({ name, group, status, detail, remedy }),
      );
      process.stdout.write(`${JSON.stringify({ checks, ok })}\n`);
      return ok ? 0 : 1;
    }
    const failed = results.filter(({ status }) => status === 'fail').map(({ name }) => name);
    process.stdout.write(
      ok
        ? '\nBuilds and tests can work on this host.\n'
        : `\nBuilds or tests cannot work on this host yet: see ${failed.join(', ')}.\n`,
    );
    if ((await missingPackages()).length > 0)
      process.stdout.write(`The Debian packages that are missing are installed by: ${INGOT} doctor --install\n`);
    return ok ? 0 : 1;
  } finally {
    interrupt.release();
  }
}

/** A result as lines: the check with its status, then the command that fixes it. */
function shown({ name, status, detail, remedy }: CheckResult): string {
  const colour = process.stdout.isTTY && !process.env['NO_COLOR'];
  const label = colour ? `\u001b[${COLOURS[status]}m${LABELS[status]}\u001b[0m` : LABELS[status];
  const line = `${label}  ${name.padEnd(21)}  ${plainLine(detail)}`;
  return remedy === undefined ? line : `${line}\n${' '.repeat(29)}fix it: ${plainLine(remedy)}`;
}
