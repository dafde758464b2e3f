/**
 * Code that CopyFile, MoveFile, CopyFolder and MoveFolder share. Source: reference, `awstoe.md` section 6. A copy has
 * the mode of its source and belongs to root. Copying into an existing folder adds to its content.
 */
import { readScript } from '../../platform/scripts.ts';
import type { InputValue } from '../../documents/component/document.ts';
import { wildcard, type ProgramItem } from './file-program.ts';
import { flag, text } from './inputs.ts';
import { withoutEnd } from '../../resources/ends.ts';

/**
 * The fields of an item: the source without trailing separators, the destination, whether that is a folder to copy
 * into, the source's last part as a pattern if it is one, overwrite.
 */
export function copyItem(
  inputs: Readonly<Record<string, InputValue>>,
  absolute: (path: string) => string,
): ProgramItem {
  const source = withoutEnd(absolute(text(inputs, 'source')), '/\\', 1);
  const destination = absolute(text(inputs, 'destination'));
  const { pattern, hasWildcard } = wildcard(source, 'source', /^[A-Za-z]:|^\\/.test(source));
  return {
    fields: [
      source,
      withoutEnd(destination, '/\\', 1) || '/',
      String(/[/\\]$/.test(destination)),
      hasWildcard ? pattern : '',
      String(flag(inputs, 'overwrite', true)),
    ],
  };
}

/** The bash code that these modules share. */
export const COPYING = readScript(import.meta.url, 'copying.sh');

/** The PowerShell code that these modules share. */
export const COPYING_POWERSHELL = readScript(import.meta.url, 'copying.ps1');
