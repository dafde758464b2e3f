/** Turns errors of the YAML parser into messages for the document's author. Pure. */
import type { LineCounter, YAMLError } from 'yaml';
import type { Position } from './position.ts';
import { explainSyntax } from './syntax.ts';

/** What to do with a value that starts with `{{`. */
export const UNQUOTED_MESSAGE =
  'A value that starts with {{ is a map to YAML: put the whole value in quotes, as in "{{ Name }}".';

/** Maximum number of parser errors that are examined: each is explained from the text around it. */
const MAX_EXPLAINED = 50;
/** Maximum characters of a line that are searched for an unquoted reference. */
const LONGEST_LINE = 1000;

/** A syntax fault with its position. */
export interface PlacedSyntaxFault {
  readonly code: 'invalid-yaml' | 'unquoted-reference';
  readonly position: Position;
  readonly message: string;
}

/** The faults, one per mistake, up to a maximum number. */
export function syntaxFaults(
  text: string,
  errors: readonly YAMLError[],
  lines: LineCounter,
  most: number,
): readonly PlacedSyntaxFault[] {
  const found = new Map<string, PlacedSyntaxFault>();
  let misread = false;
  const looked = new Set<number>();
  const lineOf = (line: number): string => {
    const start = lines.lineStarts[line - 1];
    return start === undefined ? '' : text.slice(start, lines.lineStarts[line]).replace(/\n$/, '');
  };
  for (const error of errors) {
    const place = lines.linePos(Math.max(0, error.pos[0]));
    const position = { line: Math.max(1, place.line), column: Math.max(1, place.col) };
    // The first error of a line says what is wrong there; there may be tens of thousands.
    if (looked.has(position.line)) continue;
    if (looked.add(position.line).size > MAX_EXPLAINED) break;
    const reference = unquotedReference(lineOf(position.line), position.line);
    const explained =
      reference === undefined ? explainSyntax(text, error.code, error.message, position.line) : undefined;
    // Later parser errors may only follow from such a line.
    if (misread && explained?.misread !== true && reference === undefined) continue;
    misread ||= explained?.misread === true;
    const code = reference === undefined ? 'invalid-yaml' : 'unquoted-reference';
    const own =
      explained?.line === undefined
        ? position
        : { line: explained.line, column: lineOf(explained.line).search(/\S|$/) + 1 };
    const at = reference ?? { ...own, column: explained?.column ?? own.column };
    const key = `${at.line} ${code}`;
    if (!found.has(key)) found.set(key, { code, position: at, message: explained?.message ?? UNQUOTED_MESSAGE });
    if (explained?.last === true || found.size === most) break;
  }
  return [...found.values()];
}

/** The position on a line where a value begins with `{{`. */
function unquotedReference(text: string, line: number): Position | undefined {
  const found = /^(?<before>\s*(?:-\s+)*(?:[^\s:#'"][^:#'"]*:\s+)?)\{\{/.exec(text.slice(0, LONGEST_LINE));
  return found === null ? undefined : { line, column: (found.groups?.['before'] ?? '').length + 1 };
}
