/** Conditions of `Assert` and of `if`, evaluated in an instance. Source: reference, `awstoe.md` section 4. */
import { evaluateCondition, type ConditionOutcome, type ConditionProbe } from '../../documents/component/conditions.ts';
import type { InputValue } from '../../documents/component/document.ts';
import { BASH } from '../../guest/environment.ts';
import { readScript } from '../../platform/scripts.ts';
import { ending, InputError, onWindows, type AttemptContext, type ModuleCommandResult } from '../module.ts';
import { runPowerShell } from './powershell.ts';

const PROGRAM = readScript(import.meta.url, 'condition-probe.sh');
const WINDOWS_PROGRAM = readScript(import.meta.url, 'condition-probe.ps1');

/** Programs that check a name or a path. */
type Asked = 'binary' | 'file' | 'folder' | 'hash';

/**
 * Evaluates a condition with references resolved.
 * @throws {InputError} if it cannot be evaluated, for example because of an invalid pattern from a reference
 * @throws {StepTimeout} at the step's deadline
 */
export async function conditionOutcome(context: AttemptContext, condition: InputValue): Promise<ConditionOutcome> {
  try {
    return await evaluateCondition(condition, probe(context));
  } catch (error) {
    // Evaluation is pure and reports errors as plain exceptions.
    throw error instanceof Error && error.constructor === Error
      ? new InputError(error.message, { cause: error })
      : error;
  }
}

/** How conditions query a machine: existence by exit codes, hashes by coreutils. Symbolic links are followed. */
function probe(context: AttemptContext): ConditionProbe {
  if (onWindows(context)) return windowsProbe(context);
  const ask = (asked: Asked, value: string, what: string, ...more: readonly string[]): Promise<ModuleCommandResult> =>
    context.command({ argv: [...BASH, PROGRAM, 'assert', asked, value, ...more], own: true, quiet: true, what });
  const holds = async (asked: Asked, value: string, what: string): Promise<boolean> => {
    const ended = await ask(asked, value, what);
    if (ended.exitCode === 0) return true;
    if (ended.exitCode === 1) return false;
    throw new InputError(`${what}: ${ending(ended)}${ended.stderr === '' ? '' : `: ${ended.stderr}`}`);
  };
  return {
    pause: () => context.pause(0),
    binaryExists: (name) => holds('binary', name, `looking for ${name}`),
    fileExists: (path) => holds('file', path, `looking for the file ${path}`),
    folderExists: (path) => holds('folder', path, `looking for the folder ${path}`),
    async fileHash(path, algorithm) {
      if (!(await holds('file', path, `looking for the file ${path}`))) return undefined;
      const ended = await ask('hash', path, `hashing ${path}`, algorithm);
      const hash = /^[0-9a-f]{32,128}(?= )/.exec(ended.stdout ?? '')?.[0];
      if (ended.exitCode !== 0 || hash === undefined)
        throw new InputError(`${path} could not be hashed: ${ended.stderr || ending(ended)}`);
      return hash;
    },
  };
}

/** The same for a Windows machine. */
function windowsProbe(context: AttemptContext): ConditionProbe {
  const ask = async (asked: Asked, value: string, what: string, ...more: readonly string[]): Promise<string> => {
    const ended = await runPowerShell(context, { program: WINDOWS_PROGRAM, fields: [[asked, value, ...more]], what });
    if (ended.exitCode !== 0) throw new InputError(`${what}: ${ended.stderr || ending(ended)}`);
    return (ended.stdout ?? '').trim();
  };
  const holds = async (asked: Asked, value: string, what: string): Promise<boolean> =>
    (await ask(asked, value, what)) === 'yes';
  return {
    pause: () => context.pause(0),
    binaryExists: (name) => holds('binary', name, `looking for ${name}`),
    fileExists: (path) => holds('file', path, `looking for the file ${path}`),
    folderExists: (path) => holds('folder', path, `looking for the folder ${path}`),
    async fileHash(path, algorithm) {
      const hash = await ask('hash', path, `hashing ${path}`, algorithm.toUpperCase());
      if (hash === 'no') return undefined;
      if (!/^[0-9a-f]{32,128}$/.test(hash)) throw new InputError(`${path} could not be hashed: ${hash}`);
      return hash;
    },
  };
}
