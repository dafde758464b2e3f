/**
 * `RunCommand`: runs a command document of Systems Manager in an instance. Source: reference, `workflows.md` section 4.
 */
import { limited } from '../../instances/output.ts';
import { lineSplitter, LogLimit, type LineSplitter } from '../../guest/lines.ts';
import { newUuid } from '../../platform/ids.ts';
import { StepError } from '../errors.ts';
import { workInstance } from '../machines/instances.ts';
import { keyOfItsOwn } from '../machines/layer-key.ts';
import type { StepAction, StepNeeds, StepOutputs } from './action.ts';

/** How the scripts of each document run. */
const DOCUMENTS: Readonly<Record<string, { readonly program: readonly string[]; readonly suffix: string }>> = {
  'AWS-RunShellScript': { program: ['/bin/sh'], suffix: 'sh' },
  'AWS-RunPowerShellScript': { program: ['pwsh', '-NoProfile', '-NonInteractive', '-File'], suffix: 'ps1' },
};

/** Parameters of both documents. */
const PARAMETERS = ['commands', 'workingDirectory', 'executionTimeout'];
/** Characters of output that are kept, as in Systems Manager. */
const LONGEST_OUTPUT = 24_000;
/** Maximum bytes of a command's output. */
const MOST_BYTES = 64 << 20;
/** Default and maximum of `executionTimeout`, in seconds. */
const EXECUTION_SECONDS = { given: 3600, most: 172_800 };

export const runCommand: StepAction = { name: 'RunCommand', run };

async function run({
  progress,
  stage,
  inputs,
  report,
  signal,
  timeoutSeconds,
}: StepNeeds<never, 'instances'>): Promise<StepOutputs> {
  const entry = workInstance(progress, inputs['instanceId']);
  const { instance } = entry;
  const { program, suffix, script, cwd, seconds } = readCommand(inputs);
  const runCommandId = newUuid();
  // Layers of the components that follow contain what the command did, so no other build may use them.
  if (stage === 'BUILD') entry.parentKey = keyOfItsOwn(entry.parentKey, runCommandId);

  const kept = { text: '' };
  const logged = new LogLimit();
  const splitterOf = (stream: 'stdout' | 'stderr'): LineSplitter =>
    lineSplitter((line) => {
      if (logged.admits(line)) report({ type: 'output', stream, text: line });
    });
  const splitters = { stdout: splitterOf('stdout'), stderr: splitterOf('stderr') };
  const path = `/var/tmp/ingot-${runCommandId}.${suffix}`;
  await instance.put(path, script, 0o700);
  const result = await instance
    .run(
      limited(
        {
          argv: [...program, path],
          ...(cwd === undefined ? {} : { cwd }),
          timeoutSeconds: Math.min(seconds, timeoutSeconds),
          signal,
          onOutput: (stream, chunk) => {
            splitters[stream].add(chunk);
            if (stream === 'stdout' && kept.text.length < LONGEST_OUTPUT) kept.text += chunk.toString('utf8');
          },
        },
        MOST_BYTES,
        'the command',
      ),
    )
    .finally(() => instance.run({ argv: ['rm', '-f', path], own: true }).catch(() => undefined));
  for (const splitter of Object.values(splitters)) splitter.end();
  const output = [kept.text.slice(0, LONGEST_OUTPUT)];
  if (result.exitCode === 0) return { runCommandId, status: 'Success', output };
  const status = result.timedOut ? 'TimedOut' : 'Failed';
  throw new StepError(
    `${String(inputs['documentName'])} in ${instance.id} ` +
      (result.timedOut
        ? `did not end within ${Math.min(seconds, timeoutSeconds)} s`
        : `ended with ${result.exitCode === null ? result.signal : `exit code ${result.exitCode}`}`) +
      `. Last output: ${kept.text.trim().split('\n').slice(-3).join(' | ').slice(-300) || 'none'}`,
    { outputs: { runCommandId, status, output } },
  );
}

/** A command to run. */
interface Command {
  readonly program: readonly string[];
  readonly suffix: string;
  readonly script: string;
  readonly cwd: string | undefined;
  readonly seconds: number;
}

/**
 * The command in a step's inputs.
 * @throws {StepError} that names the invalid input
 */
export function readCommand(inputs: Readonly<Record<string, unknown>>): Command {
  const name = String(inputs['documentName']).replace(/^arn:aws:ssm:[^:]*:[^:]*:document\//, '');
  const document = Object.hasOwn(DOCUMENTS, name) ? DOCUMENTS[name] : undefined;
  if (document === undefined)
    throw new StepError(
      `documentName: there is no document '${name}' here. There are: ${Object.keys(DOCUMENTS).join(', ')}`,
    );
  const version = inputs['documentVersion'];
  if (version !== undefined && !['$DEFAULT', '$LATEST', '1'].includes(String(version)))
    throw new StepError(`documentVersion: '${String(version)}' of ${name} does not exist; leave it out`);
  const parameters = (inputs['parameters'] ?? {}) as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(parameters).find((each) => !PARAMETERS.includes(each));
  if (unknown !== undefined)
    throw new StepError(`parameters: ${name} has no parameter '${unknown}'. It has: ${PARAMETERS.join(', ')}`);
  const texts = (member: string): readonly string[] => {
    const value = parameters[member] ?? [];
    return Array.isArray(value) ? value.map(String) : [String(value)];
  };
  const commands = texts('commands');
  if (commands.length === 0) throw new StepError('parameters.commands: name at least one command');
  const [given = String(EXECUTION_SECONDS.given)] = texts('executionTimeout');
  const seconds = Number(given);
  if (!/^[0-9]{1,6}$/.test(given) || seconds < 1 || seconds > EXECUTION_SECONDS.most)
    throw new StepError(
      `parameters.executionTimeout: '${given.slice(0, 64)}' is not a number of seconds from 1 to ` +
        String(EXECUTION_SECONDS.most),
    );
  const cwd = texts('workingDirectory')[0];
  return { ...document, script: `${commands.join('\n')}\n`, cwd: cwd === '' ? undefined : cwd, seconds };
}
