/**
 * Runs a command document in an instance as Systems Manager's agent does: step after step, also after one that failed
 * unless that says otherwise; 194 restarts the instance and runs the step again, 168 and 169 end the document. Source:
 * the agent's source (`runpluginutil`, `runscript`).
 */
import { limited } from '../../instances/output.ts';
import type { BoundCommand, BoundStep } from '../../documents/command/bind.ts';
import type { CommandPlugin } from '../../documents/command/document.ts';
import { rebootMarked } from '../../guest/first-boot.ts';
import { lineSplitter, LogLimit, type LineSplitter } from '../../guest/lines.ts';
import type { CommandResult, Instance } from '../../instances/instance.ts';
import type { Report } from '../../resources/progress.ts';

/** How the scripts of each plugin run. A shell script's first line may name another shell. */
const PROGRAMS: Readonly<
  Record<CommandPlugin, { readonly argv: (path: string) => readonly string[]; suffix: string }>
> = {
  'aws:runShellScript': { argv: (path) => ['/bin/sh', '-c', path], suffix: 'sh' },
  'aws:runPowerShellScript': {
    argv: (path) => ['pwsh', '-NoProfile', '-NonInteractive', '-File', path],
    suffix: 'ps1',
  },
};

/** Exit codes with a meaning. */
const REBOOT = 194;
const END_WITH_SUCCESS = 168;
const END_WITH_FAILURE = 169;

/** Characters of output that are kept of the whole document, as Systems Manager keeps them of a plugin. */
const LONGEST_OUTPUT = 24_000;
/** Bytes that one step may print. */
const MOST_BYTES = 64 << 20;
/** Restarts that one step may ask for: a script that always exits with 194 ends. */
const MOST_REBOOTS = 20;

type RunnableStep = Extract<BoundStep, { readonly plugin: CommandPlugin }>;

/** How it went. */
export interface DocumentResult {
  readonly status: 'Success' | 'Failed' | 'TimedOut';
  /** What each step that ran printed on its standard output. */
  readonly output: readonly string[];
  /** What failed first: a clause. */
  readonly failure: string | undefined;
}

/** Where it runs. */
export interface DocumentRun {
  readonly instance: Instance;
  readonly region: string;
  readonly runCommandId: string;
  readonly report: Report;
  readonly signal: AbortSignal;
  /** What is left of the workflow step. */
  readonly timeoutSeconds: number;
}

/** Runs the document. @throws {InstanceError} if the instance is gone */
export async function runDocument(command: BoundCommand, where: DocumentRun): Promise<DocumentResult> {
  const { report } = where;
  const output: string[] = [];
  let status: DocumentResult['status'] = 'Success';
  let failure: string | undefined;
  let left = LONGEST_OUTPUT;
  let ended = false;
  const endsAt = Date.now() + where.timeoutSeconds * 1000;
  for (const step of command.steps) {
    if (step.skipped !== undefined) {
      report({ type: 'log', text: `${step.name}: skipped, ${step.skipped}` });
      continue;
    }
    if (ended && !step.isFinally) {
      report({ type: 'log', text: `${step.name}: skipped, an earlier step ended the document` });
      continue;
    }
    if (command.skipsMissing && (await lacksPowerShell(step, where.instance))) {
      report({ type: 'log', level: 'warn', text: `${step.name}: skipped, the instance has no PowerShell (pwsh)` });
      continue;
    }
    if (command.steps.length > 1) report({ type: 'log', text: `${step.name}: ${step.plugin}` });
    const { result, stdout, last, tooManyReboots } = await runStep(step, command.variables, where, left, endsAt);
    output.push(stdout);
    left -= stdout.length;
    const succeeded = result.exitCode === 0 || result.exitCode === END_WITH_SUCCESS;
    ended ||= result.exitCode === END_WITH_SUCCESS || result.exitCode === END_WITH_FAILURE;
    ended ||= succeeded ? step.exitsOnSuccess : step.onFailure !== undefined;
    if (succeeded || step.onFailure === 'successAndExit') continue;
    status = result.timedOut ? 'TimedOut' : status === 'Success' ? 'Failed' : status;
    const how = tooManyReboots
      ? `asked for more than ${MOST_REBOOTS} restarts (exit code ${REBOOT})`
      : ending(result, step, where);
    failure ??= `${step.name} ${how}. Last output: ${last || 'none'}`;
    if (command.steps.length > 1) report({ type: 'log', level: 'warn', text: failure });
  }
  return { status, output, failure };
}

function ending(result: CommandResult, step: RunnableStep, { timeoutSeconds }: DocumentRun): string {
  if (result.timedOut) return `did not end within ${Math.min(step.timeoutSeconds, timeoutSeconds)} s`;
  return `ended with ${result.exitCode === null ? result.signal : `exit code ${result.exitCode}`}`;
}

async function lacksPowerShell({ plugin }: RunnableStep, instance: Instance): Promise<boolean> {
  if (plugin !== 'aws:runPowerShellScript') return false;
  return (await instance.run({ argv: ['/bin/sh', '-c', 'command -v pwsh'], own: true })).exitCode !== 0;
}

async function runStep(
  step: RunnableStep,
  variables: Readonly<Record<string, string>>,
  where: DocumentRun,
  left: number,
  endsAt: number,
): Promise<{ result: CommandResult; stdout: string; last: string; tooManyReboots: boolean }> {
  const { instance, region, runCommandId, report, signal } = where;
  const { argv, suffix } = PROGRAMS[step.plugin];
  const kept = { stdout: '', tail: '' };
  const logged = new LogLimit();
  const splitterOf = (stream: 'stdout' | 'stderr'): LineSplitter =>
    lineSplitter((line) => {
      kept.tail = `${kept.tail}\n${line}`.slice(-2000);
      if (logged.admits(line)) report({ type: 'output', stream, text: line });
    });
  // Not in /tmp, which hardened images mount without permission to execute.
  const path = `/var/lib/ingot-command-${runCommandId}.${suffix}`;
  const decoder = new TextDecoder();
  for (let reboots = 0; ; reboots++) {
    const splitters = { stdout: splitterOf('stdout'), stderr: splitterOf('stderr') };
    await instance.put(path, step.script, 0o700);
    const result = await instance
      .run(
        limited(
          {
            argv: argv(path),
            env: {
              ...variables,
              AWS_SSM_INSTANCE_ID: instance.id,
              AWS_SSM_REGION_NAME: region,
              SSM_COMMAND_ID: runCommandId,
            },
            ...(step.workingDirectory === undefined ? {} : { cwd: step.workingDirectory }),
            timeoutSeconds: Math.max(1, Math.min(step.timeoutSeconds, Math.ceil((endsAt - Date.now()) / 1000))),
            signal,
            onOutput: (stream, chunk) => {
              splitters[stream].add(chunk);
              if (stream === 'stdout' && kept.stdout.length < left)
                kept.stdout = (kept.stdout + decoder.decode(chunk, { stream: true })).slice(0, left);
            },
          },
          MOST_BYTES,
          'the command',
        ),
      )
      .finally(() => instance.run({ argv: ['rm', '-f', path], own: true }).catch(() => undefined));
    for (const splitter of Object.values(splitters)) splitter.end();
    const last = kept.tail.trim().split('\n').slice(-3).join(' | ').slice(-300);
    if (result.exitCode !== REBOOT || !instance.capabilities.reboots || reboots === MOST_REBOOTS)
      return { result, stdout: kept.stdout, last, tooManyReboots: result.exitCode === REBOOT && reboots > 0 };
    report({ type: 'log', text: `${step.name}: exit code ${REBOOT}, restarting the instance and running it again` });
    await rebootMarked(instance, signal);
  }
}
