/**
 * UpdateOS on Windows: a scheduled task of the system calls the Windows Update Agent, which rejects callers from the
 * network.
 */
import { readScript } from '../../platform/scripts.ts';
import { mapOf, texts } from './inputs.ts';
import { ending, InputError, type AttemptContext, type AttemptResult } from '../module.ts';
import { LIKE, runPowerShell } from './powershell.ts';

/** The task's last message. */
interface UpdateEnd {
  /** Titles of updates, each with the reason why it was not installed. */
  readonly failed: readonly string[];
  /** Whether a restart is needed before anything else can be installed. */
  readonly restart: boolean;
}

/**
 * Installs updates until there are none, and restarts if one needs it. Source of include and exclude, KB numbers or
 * titles with `*`: reference, `awstoe.md` section 6.
 */
export async function updateWindows(context: AttemptContext): Promise<AttemptResult> {
  const inputs = mapOf(context.inputs);
  const names = (input: string): string => JSON.stringify(texts(inputs, input).map((name) => updateName(input, name)));
  const content = Buffer.from(TASK);
  const ended = await runPowerShell(context, {
    program: PROGRAM,
    fields: [[names('include'), names('exclude'), String(content.length)]],
    content,
    what: 'the update of Windows',
    shown: true,
  });
  if (ended.exitCode !== 0) return { result: 'failed', message: ended.stderr || `UpdateOS: ${ending(ended)}` };
  const end = readEnd(ended.stdout ?? '');
  if (end === undefined) return { result: 'failed', message: 'UpdateOS: the update ended without an answer' };
  // What a pending restart blocked is tried again after it.
  if (end.restart) return { result: 'reboot', resume: 'same-step' };
  if (end.failed.length > 0)
    return { result: 'failed', message: `these updates could not be installed: ${end.failed.join('; ')}` };
  return { result: 'success' };
}

/** A KB number, with or without its letters, or a title with `*`. @throws {InputError} */
function updateName(input: string, name: string): string {
  const trimmed = name.trim();
  if (trimmed === '' || /[\r\n\0]/.test(trimmed))
    throw new InputError(`${input}: "${name}" is neither a KB number nor a title of an update`);
  return /^\d+$/.test(trimmed) ? `KB${trimmed}` : trimmed;
}

/** The text after `end ` in the last line. */
function readEnd(stdout: string): UpdateEnd | undefined {
  const text = /^end (\{.*\})\s*$/m.exec(stdout)?.[1];
  if (text === undefined) return undefined;
  const { failed, restart } = JSON.parse(text) as { readonly failed?: unknown; readonly restart?: unknown };
  return { failed: Array.isArray(failed) ? failed.map(String) : [], restart: restart === true };
}

/** Registers the task, shows its output, and removes it. */
const PROGRAM = readScript(import.meta.url, 'windows-updates.ps1');

/**
 * The task. It installs updates one by one, so that each can be reported, and stops and cleans up when its caller is
 * gone: an update that has begun cannot be interrupted.
 */
const TASK = readScript(import.meta.url, 'windows-updates-task.ps1', { LIKE });
