/**
 * Words of a command on their way through a systemd unit: what is the same for every driver.
 *
 * systemd expands `$` in a unit's arguments. Doubled, it is not expanded, but systemd 252 writes it down as `\$` (and `;` as `\;`), which it does
 * not know when it reads the unit anew: a `daemon-reload` between a unit's making and its start, by whatever runs in the instance, had the
 * command run with other words. So neither is in the arguments of a unit, nor is a script.
 */

/** A word as `READ_WORDS` takes it: without `$` and `;`. One that has neither stays as it is, unless it begins with a backslash. */
export function unitWord(word: string): string {
  if (!/^\\|[$;]/.test(word)) return word;
  return `\\${word.replaceAll('\\', '\\\\').replaceAll('$', '\\0044').replaceAll(';', '\\0073')}`;
}

/** Lines of a shell script that make of its arguments the words that they stand for. Its variables are named so that they are nobody's. */
export const READ_WORDS = `ingot_left=$#
while [ "$ingot_left" -gt 0 ]; do
  case $1 in
    \\\\*) ingot_word=$(printf '%b.' "\${1#?}"); set -- "$@" "\${ingot_word%.}";;
    *) set -- "$@" "$1";;
  esac
  shift
  ingot_left=$((ingot_left - 1))
done
`;
