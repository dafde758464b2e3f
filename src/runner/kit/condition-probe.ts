/** Conditions, of `Assert` and of `if`, asked of an instance. Source: reference, `awstoe.md` section 4. */
import { evaluateCondition, type ConditionOutcome, type ConditionProbe } from '../../documents/component/conditions.ts';
import type { InputValue } from '../../documents/component/document.ts';
import { BASH } from '../../guest/environment.ts';
import { ending, InputError, onWindows, type AttemptContext } from '../module.ts';
import { runPowerShell } from './powershell.ts';

/**
 * Evaluates a condition whose references are replaced.
 * @throws {InputError} when it cannot be evaluated, such as a pattern that a reference brought in and that is none
 * @throws {StepTimeout} at the step's deadline
 */
export async function conditionOutcome(context: AttemptContext, condition: InputValue): Promise<ConditionOutcome> {
  try {
    return await evaluateCondition(condition, probe(context));
  } catch (error) {
    // Evaluation is pure and says what it refuses by a plain error.
    throw error instanceof Error && error.constructor === Error
      ? new InputError(error.message, { cause: error })
      : error;
  }
}

/**
 * What conditions ask of a machine: existence by exit codes, hashes by the tools of coreutils. Symbolic links count as
 * what they lead to.
 */
function probe(context: AttemptContext): ConditionProbe {
  if (onWindows(context)) return windowsProbe(context);
  const holds = async (script: string, value: string, what: string): Promise<boolean> => {
    const ended = await context.command({ argv: [...BASH, script, 'assert', value], own: true, quiet: true, what });
    if (ended.exitCode === 0) return true;
    if (ended.exitCode === 1) return false;
    throw new InputError(`${what}: ${ending(ended)}${ended.stderr === '' ? '' : `: ${ended.stderr}`}`);
  };
  return {
    pause: () => context.pause(0),
    binaryExists: (name) => holds('type -- "$1" >/dev/null 2>&1', name, `looking for ${name}`),
    fileExists: (path) => holds('[ -f "$1" ]', path, `looking for the file ${path}`),
    folderExists: (path) => holds('[ -d "$1" ]', path, `looking for the folder ${path}`),
    async fileHash(path, algorithm) {
      if (!(await holds('[ -f "$1" ]', path, `looking for the file ${path}`))) return undefined;
      // By stdin, so that no name of a file is taken for an option or escaped in the answer.
      const script = `${algorithm}sum < "$1"`;
      const ended = await context.command({
        argv: [...BASH, script, 'assert', path],
        own: true,
        quiet: true,
        what: `hashing ${path}`,
      });
      const hash = /^[0-9a-f]{32,128}(?= )/.exec(ended.stdout ?? '')?.[0];
      if (ended.exitCode !== 0 || hash === undefined)
        throw new InputError(`${path} could not be hashed: ${ended.stderr || ending(ended)}`);
      return hash;
    },
  };
}

/** The same of a Windows machine. */
function windowsProbe(context: AttemptContext): ConditionProbe {
  const ask = async (program: string, value: string, what: string): Promise<string> => {
    const ended = await runPowerShell(context, { program, fields: [[value]], what });
    if (ended.exitCode !== 0) throw new InputError(`${what}: ${ended.stderr || ending(ended)}`);
    return (ended.stdout ?? '').trim();
  };
  const holds = async (test: string, value: string, what: string): Promise<boolean> =>
    (await ask(`if (${test}) { 'yes' } else { 'no' }`, value, what)) === 'yes';
  return {
    pause: () => context.pause(0),
    binaryExists: (name) => holds('$(where.exe /Q $args[0]; $LASTEXITCODE -eq 0)', name, `looking for ${name}`),
    fileExists: (path) => holds('Test-Path -LiteralPath $args[0] -PathType Leaf', path, `looking for the file ${path}`),
    folderExists: (path) =>
      holds('Test-Path -LiteralPath $args[0] -PathType Container', path, `looking for the folder ${path}`),
    async fileHash(path, algorithm) {
      const hash = await ask(
        'if (Test-Path -LiteralPath $args[0] -PathType Leaf) { (Get-FileHash -LiteralPath $args[0] -Algorithm ' +
          `${algorithm.toUpperCase()}).Hash.ToLowerInvariant() } else { 'no' }`,
        path,
        `hashing ${path}`,
      );
      if (hash === 'no') return undefined;
      if (!/^[0-9a-f]{32,128}$/.test(hash)) throw new InputError(`${path} could not be hashed: ${hash}`);
      return hash;
    },
  };
}
