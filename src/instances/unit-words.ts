/**
 * Encodes words of a command for a systemd unit, for every driver.
 *
 * systemd expands `$` in a unit's arguments. Doubling prevents that, but systemd 252 serializes `$` as `\$` (and `;` as
 * `\;`), which it does not understand when it reads the unit again: after a `daemon-reload` between a unit's creation
 * and its start, by anything in the instance, the command ran with other words. So a unit's arguments contain neither
 * character, nor a script.
 */
import { readScript } from '../platform/scripts.ts';

/**
 * A word in the encoding for `READ_WORDS` and `READ_LINES`: one line without `$` and `;`. A word without special
 * characters stays unchanged, unless it begins with a backslash.
 */
export function unitWord(word: string): string {
  if (!/^\\|[$;\n]/.test(word)) return word;
  const escaped = word
    .replaceAll('\\', '\\\\')
    .replaceAll('$', '\\0044')
    .replaceAll(';', '\\0073')
    .replaceAll('\n', '\\0012');
  return `\\${escaped}`;
}

/** Words as the lines of a file that `READ_LINES` reads. */
export function unitLines(words: readonly string[]): string {
  return words.map((word) => `${unitWord(word)}\n`).join('');
}

const READ_WORD = readScript(import.meta.url, 'read-word.sh');

/** Lines of a shell script that replace its only argument, a file, by the words in it. */
export const READ_LINES = readScript(import.meta.url, 'read-lines.sh', { READ_WORD });

/** Lines of a shell script that decode its arguments. */
export const READ_WORDS = readScript(import.meta.url, 'read-words.sh', { READ_WORD });
