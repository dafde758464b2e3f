/** `--progress`: how a command shows its progress. */
import { WrongUse, type Arguments, type CommandOption } from '../command.ts';
import type { ViewMode } from './view.ts';

/** The option; a command's `--json` is the same as `--progress json`. */
export const PROGRESS_OPTION: CommandOption = {
  value: 'MODE',
  help:
    'tty: live steps; plain: lines; json: progress records; quiet: only the result; ' +
    'auto: tty on a terminal, else plain',
  default: 'auto',
};

/** For plain lines; JSON includes every record. */
export const DEBUG_OPTION: CommandOption = { help: 'include debug records and the serial console in plain output' };

const MODES = ['auto', 'plain', 'tty', 'json', 'quiet'] as const;

/**
 * How to show progress on a stream.
 * @throws {WrongUse} for an unknown word, for options that exclude each other, and for `tty` without a terminal
 */
export function progressMode(args: Arguments, output: NodeJS.WriteStream): ViewMode | 'json' {
  const given = args.text('progress');
  const mode = MODES.find((each) => each === (given ?? 'auto'));
  if (mode === undefined)
    throw new WrongUse(
      `invalid value '${given}' for --progress: expected ${MODES.join(', ').replace(/, (?=\w+$)/, ' or ')}`,
    );
  for (const [flag, same] of [
    ['json', 'json'],
    ['quiet', 'quiet'],
  ] as const) {
    if (!args.flag(flag)) continue;
    if (given !== undefined && mode !== same)
      throw new WrongUse(`--${flag} and --progress ${given} exclude each other`);
    return same;
  }
  if (mode === 'tty' && output.isTTY !== true)
    throw new WrongUse('--progress tty needs a terminal; use --progress plain in a pipe or a file');
  if (mode !== 'auto') return mode;
  return output.isTTY === true && process.env['TERM'] !== 'dumb' ? 'tty' : 'plain';
}
