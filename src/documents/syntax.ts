/** What is wrong with a text that is no YAML, in words for who wrote it. */

/** A fault of the syntax, explained. */
export interface SyntaxFault {
  readonly message: string;
  /** Line to point at instead of the parser's, from 1. */
  readonly line?: number;
  /** What the parser says after this fault only follows from it. */
  readonly last: boolean;
}

/** The parser's own words by what can be said better. The first that fits. */
const TEACHING: readonly (readonly [words: RegExp, message: string])[] = [
  [/^Tabs are not allowed/, 'YAML is indented by spaces, not by tabs'],
  [
    /^Nested mappings are not allowed in compact mappings/,
    "a text with a colon and a space in it (': ') must be quoted, or follow '|'",
  ],
  [
    /^Plain value cannot start with (?:reserved character|directive indicator character|a tab character)/,
    'a text that starts with this character must be quoted',
  ],
  [/^Missing closing (?:"quote|'quote)/, 'a quote is opened, and not closed'],
  [
    /^Unexpected (?:\S+-)?scalar at node end/,
    'something stands behind the closing quote of a text; a quote within a text in single quotes is written twice',
  ],
  [/^Flow sequence in block collection/, 'a list is opened by [, and not closed by ]'],
  [
    /^Flow map in block collection/,
    'a map is opened by {, and not closed by }. A text that starts with { must be quoted',
  ],
  [/^Unexpected block-seq-ind on same line with key/, 'the items of a list begin on the line after their key'],
  [
    /^All mapping items must start at the same column/,
    'the line is indented differently from the keys that it belongs to',
  ],
  [/^Invalid escape sequence/, 'a backslash in double quotes must be doubled, or the text put into single quotes'],
  [
    /^Implicit map keys need to be followed by map values|^Implicit keys need to be on a single line/,
    'a key with its colon was expected, or the text must be indented further to belong to the value before it',
  ],
];

/**
 * Explains what the parser says.
 * @param line the parser's, from 1
 */
export function explainSyntax(text: string, code: string, words: string, line: number): SyntaxFault {
  if (code === 'MULTIPLE_DOCS') return { message: 'The text holds multiple documents; one is expected.', last: true };
  const lines = text.split(/\r\n|\n|\r/);
  const block = blockEndedBy(lines, line);
  if (block !== undefined) {
    const message =
      `This is not YAML: the text behind '${block.sign}' in line ${block.line} ends here, because this line is ` +
      'not indented. ' +
      `All of its lines must be indented by ${block.indent} spaces at least.`;
    return { message, line: block.end, last: true };
  }
  const key = listWithoutDashes(lines, line);
  if (key !== undefined) {
    const message =
      `This is not YAML: '${key.name}' in line ${key.line} must be a list, each item behind a dash. A script of ` +
      "several lines goes behind '- |', indented.";
    return { message, line: key.line, last: true };
  }
  const taught = TEACHING.find(([pattern]) => pattern.test(words))?.[1];
  return { message: `This is not YAML: ${taught ?? words.replace(/\.$/, '')}.`, last: false };
}

/** Characters at the end of a line in which the sign of a block text is looked for. */
const LONGEST_END = 500;

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

/** The block text (`|` or `>`) that a line at or before the given one ends by not being indented; undefined when none does. */
function blockEndedBy(lines: readonly string[], line: number) {
  let indent = Infinity;
  let end = 0;
  for (let index = Math.min(line, lines.length) - 1; index >= 0; index -= 1) {
    const text = lines[index]!;
    if (text.trim() === '') continue;
    const sign = /(?:^|[\s:-])([|>])[-+0-9]*\s*(?:#.*)?$/.exec(text.slice(-LONGEST_END))?.[1];
    if (sign !== undefined) {
      const inner = lines.slice(index + 1).find((later) => later.trim() !== '');
      const within = inner === undefined ? 0 : indentOf(inner);
      const further = /^\s*-\s/.test(text) ? indentOf(text) + 2 : indentOf(text);
      // A key in the block's own place ends it rightly.
      const ended =
        end > 0 &&
        within > indentOf(text) &&
        indent <= further &&
        !/^\s*(?:- )?(?:- )?[A-Za-z][\w$.-]*:(?:\s|$)|^\s*-\s/.test(lines[end - 1]!);
      return ended ? { sign, line: index + 1, end, indent: within } : undefined;
    }
    if (indentOf(text) <= indent) {
      indent = indentOf(text);
      end = index + 1;
    }
  }
  return undefined;
}

/** A key that has to hold a list (`commands:`, `steps:`) and goes on with something else; undefined when the line is in none. */
function listWithoutDashes(
  lines: readonly string[],
  line: number,
): { readonly name: string; readonly line: number } | undefined {
  const own = indentOf(lines[line - 1] ?? '');
  for (let index = line - 2; index >= 0; index -= 1) {
    const text = lines[index]!;
    if (text.trim() === '' || indentOf(text) >= own) continue;
    const name =
      /^\s*(?:-\s+)?(commands|arguments|steps|phases|parameters|constants|include|exclude):\s*(?:#.*)?$/.exec(
        text,
      )?.[1];
    const next = lines.slice(index + 1).find((later) => later.trim() !== '' && !later.trim().startsWith('#'));
    return name !== undefined && next !== undefined && !/^\s*-(?:\s|$)/.test(next)
      ? { name, line: index + 1 }
      : undefined;
  }
  return undefined;
}
