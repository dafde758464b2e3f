/** Scripts that Ingot runs in instances and containers: `.sh` and `.ps1` files beside the code that runs them. */
import { readFileSync } from 'node:fs';

/**
 * Reads a script once, when its module is loaded.
 *
 * Comments at the top of the file describe it, and are removed. A line `# @NAME@` becomes the text `NAME` of `values`,
 * and `@NAME@` within a line its value: constants and parts that scripts share, never a user's text.
 * @param module `import.meta.url` of the module beside the file
 * @param name the file's name, such as `launcher.sh`
 * @throws {Error} if the file does not exist, names a value that is not given, or does not use one that is
 */
export function readScript(
  module: string,
  name: string,
  values: Readonly<Record<string, string | number>> = {},
): string {
  const lines = readFileSync(new URL(name, module), 'utf8').split('\n');
  const first = lines.findIndex((line) => !/^#(?! @)/.test(line));
  const used = new Set<string>();
  const valueOf = (key: string): string => {
    const value = values[key];
    if (value === undefined) throw new Error(`the script ${name} needs a value for @${key}@`);
    used.add(key);
    return String(value);
  };
  const text = lines
    .slice(first)
    .join('\n')
    .replace(/^# @([A-Z_]+)@$|@([A-Z_]+)@/gm, (_, block: string | undefined, inline: string) =>
      block === undefined ? valueOf(inline) : valueOf(block).replace(/\n$/, ''),
    );
  const unused = Object.keys(values).filter((key) => !used.has(key));
  if (unused.length > 0) throw new Error(`the script ${name} does not use ${unused.join(', ')}`);
  return text;
}
