/** Which command of a script failed, as far as that can be known without changing how the script runs. Pure. */

const SHOWN = 400;

/**
 * @param script the script that ended badly
 * @param stderr the end of what it printed there
 * @returns one line: the command where it is known, else the last line, said to be that
 */
export function failingCommand(script: string, stderr: string): string {
  const lines = script.split('\n');
  const commands = lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  if (commands.length === 0) return 'an empty script';
  if (commands.length === 1) return cut(commands[0]!);

  // bash itself complains with the line's number: a missing command, a syntax error, an unset variable.
  const said = stderr.trimEnd();
  const complaint = /: line ([0-9]+): /.exec(said.slice(said.lastIndexOf('\n') + 1));
  const named = complaint === null ? undefined : lines[Number(complaint[1]) - 1]?.trim();
  if (named) return `${cut(named)} (line ${complaint![1]} of the script)`;

  const stops = commands.some((line) => {
    const options = /^set\s+/.exec(line);
    return options !== null && /^-[a-zA-Z]*e|-o\s+errexit/.test(line.slice(options[0].length));
  });
  if (stops)
    return `one of the ${commands.length} commands of the script, which stops at the first that fails (set -e)`;
  // The last word of a block says nothing; nor is it known which of its commands, or which `exit`, gave the code.
  if (/^(fi|done|esac|\}|\)|;;)\b|^[})]/.test(commands.at(-1)!))
    return `one in the last block of a script of ${lines.length - 1} lines`;
  return `${cut(commands.at(-1)!)} (last line of the script, whose exit code is the script's)`;
}

function cut(line: string): string {
  return line.length <= SHOWN ? line : `${line.slice(0, SHOWN)}…`;
}
