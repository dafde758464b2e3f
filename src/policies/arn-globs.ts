/** ARNs in policies: six parts, each with its own wildcards and variables; the last part takes the rest. */
import { matchesGlob, parseGlob, type Glob, type VariableValue } from './globs.ts';

/** A pattern for ARNs; `'all'` for `*`. */
export interface ArnGlob {
  readonly parts: readonly Glob[] | 'all';
  /** Context keys of its variables, in lower case. */
  readonly variables: readonly string[];
}

/** Parses `*`, or an ARN with wildcards. Returns `undefined` for anything else. */
export function parseArnGlob(text: string, variables: boolean): ArnGlob | undefined {
  if (text === '*') return { parts: 'all', variables: [] };
  const parts = canonical(split(text, variables)).map((part) => parseGlob(part, { wildcards: true, variables }));
  if (parts.length !== 6 || !text.startsWith('arn:') || parts.some((part) => part === undefined)) return undefined;
  return { parts: parts as readonly Glob[], variables: parts.flatMap((part) => part!.variables) };
}

/**
 * Versions without leading zeros, as in the ARNs of Image Builder's resources: `…:component/web/2026.01.05` is
 * `2026.1.5`.
 */
function canonical(parts: readonly string[]): readonly string[] {
  const [, , service = '', , , resource = ''] = parts;
  if (parts.length !== 6 || !/^imagebuilder$|[*?]/.test(service)) return parts;
  return [...parts.slice(0, 5), resource.replace(/(?<=\/)0+(?=\d+\.)|(?<=\.)0+(?=\d+(?:[./]|$))/g, '')];
}

/** Whether an ARN matches, part by part: a wildcard before the last colon does not match a colon. */
export function matchesArn(glob: ArnGlob, arn: string, valueOf: VariableValue): boolean {
  if (glob.parts === 'all') return true;
  const parts = split(arn, false);
  return parts.length === 6 && glob.parts.every((part, index) => matchesGlob(part, parts[index]!, valueOf));
}

/** The six parts; fewer if the text has fewer. A colon in a variable's name does not separate parts. */
function split(text: string, variables: boolean): string[] {
  const parts: string[] = [];
  let from = 0;
  let inVariable = false;
  for (let at = 0; at < text.length && parts.length < 5; at++) {
    if (variables && text.startsWith('${', at)) inVariable = true;
    else if (text[at] === '}') inVariable = false;
    else if (text[at] === ':' && !inVariable) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  return [...parts, text.slice(from)];
}
