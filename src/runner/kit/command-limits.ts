/** Commands that no system can start, detected before they run. Pure. */
import type { Capabilities } from '../../instances/instance.ts';

/** Maximum bytes of one argument on Linux, with its terminator (`MAX_ARG_STRLEN`). */
const LONGEST_ARGUMENT = 128 * 1024;
/** Maximum characters of a command line on Windows, with its terminator (`CreateProcessW`). */
const LONGEST_WINDOWS_LINE = 32_767;

/**
 * Why no system can start such a command; `undefined` if it may work. On Linux, the limit for all arguments together
 * depends on the machine, which reports it itself.
 * @param argv the program and its arguments
 * @param called the name of a word of `argv` in messages: `arguments[0]`
 */
export function commandProblem(
  argv: readonly string[],
  platform: Capabilities['platform'],
  called: (index: number) => string,
): string | undefined {
  const nul = argv.findIndex((word) => word.includes('\0'));
  if (nul >= 0) return `${called(nul)} has a NUL character, which no argument of a command can have`;
  if (platform === 'Windows') {
    const length = argv.reduce((sum, word) => sum + word.length + 1, 0);
    if (length < LONGEST_WINDOWS_LINE) return undefined;
    return (
      `the command has ${length} characters with its arguments; Windows takes ${LONGEST_WINDOWS_LINE - 1}. ` +
      'Write the values to a file and let the program read it'
    );
  }
  const long = argv.findIndex((word) => Buffer.byteLength(word) >= LONGEST_ARGUMENT);
  if (long < 0) return undefined;
  return (
    `${called(long)} has ${Buffer.byteLength(argv[long]!)} bytes; Linux takes ${LONGEST_ARGUMENT - 1} in one ` +
    'argument of a command. Write the value to a file and let the program read it'
  );
}
