/** The man page, made of what the commands themselves say. */
import { join } from 'node:path';
import { commands } from '../src/commands/commands.ts';
import { tool } from './files.ts';

/**
 * `ingot(1)` in the language of man pages.
 * @param lib where the compiled package is, with Node's packages
 * @param epoch the date on the page, in seconds since 1970
 */
export async function manPage(lib: string, version: string, epoch: number): Promise<string> {
  const main = join(lib, 'lib/commands/main.js');
  const help = (...words: readonly string[]): Promise<string> =>
    tool([process.execPath, main, 'help', ...words], { env: { NO_COLOR: '1', COLUMNS: '80' } });
  const sections = [
    `.TH INGOT 1 "${new Date(epoch * 1000).toISOString().slice(0, 10)}" "ingot ${version}" "User Commands"`,
    '.SH NAME\ningot \\- self\\-hosted EC2 Image Builder',
    '.SH SYNOPSIS\n.B ingot\n.I COMMAND\n.RI [ ARGUMENTS ]',
    `.SH DESCRIPTION\n${verbatim(await help())}`,
    '.SH COMMANDS',
  ];
  for (const name of Object.keys(commands))
    sections.push(`.SS "${escaped(name)}"\n${verbatim(await help(...name.split(' ')))}`);
  sections.push(
    '.SH FILES',
    entry('/var/lib/ingot', 'the data directory, unless \\-\\-data or INGOT_DATA names another'),
    entry('/etc/default/ingot', 'variables for ingot.service, such as INGOT_OPTIONS and INGOT_LOG'),
    entry('/usr/share/doc/ingot', 'documentation and examples'),
    '.SH SEE ALSO\n.BR systemd\\-nspawn (1),\n.BR qemu\\-system\\-x86_64 (1)',
  );
  return `${sections.join('\n')}\n`;
}

function entry(path: string, text: string): string {
  return `.TP\n.I ${path}\n${text}`;
}

/** Lines as they are, in a fixed layout. */
function verbatim(text: string): string {
  return `.nf\n${escaped(text.trim())}\n.fi`;
}

/** Backslashes, hyphens and lines that begin with a point or an apostrophe have a meaning in a man page. */
function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('…', '...')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/gm, '\\&');
}
