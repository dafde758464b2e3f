/**
 * Words of a command on their way through a systemd unit: what is the same for every driver.
 *
 * systemd expands `$` in a unit's arguments. Doubled, it is not expanded, but systemd 252 writes it down as `\$` (and
 * `;` as `\;`), which it does not know when it reads the unit anew: a `daemon-reload` between a unit's making and its
 * start, by whatever runs in the instance, had the command run with other words. So neither is in the arguments of a
 * unit, nor is a script.
 */
import { readScript } from '../platform/scripts.ts';

/**
 * A word in the form for `READ_WORDS` and `READ_LINES`: one line without `$` and `;`. One that already has this form
 * stays unchanged, unless it begins with a backslash.
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
