/** Explains why a text is not valid YAML, for its author. */

/** An explained syntax fault. */
export interface SyntaxFault {
  readonly message: string;
  /** Line to report instead of the parser's, from 1. */
  readonly line?: number;
  /** Whether later parser errors only follow from this fault. */
  readonly last: boolean;
  /** Whether a text on the parser's line begins with a character that has a special meaning in YAML. */
  readonly misread?: true;
  /** The column where that text begins, from 1. */
  readonly column?: number;
}

/** Messages of the parser with better explanations. The first match counts. */
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
    'something follows the closing quote of a text; a quote within a text in single quotes is written twice',
  ],
  [/^Flow sequence (?:in block collection|must end)/, 'a list is opened by [, and not closed by ]'],
  [
    /^Flow map (?:in block collection|must end)/,
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
 * Explains a parser error.
 * @param line the parser's, from 1
 */
export function explainSyntax(text: string, code: string, words: string, line: number): SyntaxFault {
  if (code === 'MULTIPLE_DOCS') return { message: 'The text holds multiple documents; one is expected.', last: true };
  const lines = text.split(/\r\n|\n|\r/);
  const block = blockEndedBy(lines, line);
  if (block !== undefined) {
    const message =
      `This is not YAML: the text after '${block.sign}' in line ${block.line} ends here, because this line is ` +
      'not indented. ' +
      `All of its lines must be indented by ${block.indent} spaces at least.`;
    return { message, line: block.end, last: true };
  }
  const key = listWithoutDashes(lines, line);
  if (key !== undefined) {
    const message =
      `This is not YAML: '${key.name}' in line ${key.line} must be a list, each item after a dash. A script of ` +
      "several lines goes after '- |', indented.";
    return { message, line: key.line, last: true };
  }
  const misread = misreadText(lines[line - 1] ?? '');
  if (misread !== undefined) return { ...misread, last: false, misread: true };
  if (/^(?:Nested mappings|Implicit keys)/.test(words)) {
    const deeper = indentedFurther(lines, line);
    if (deeper !== undefined) {
      const message =
        'This is not YAML: the line is indented further ' + `than '${deeper.name}' above it, which has a value.`;
      return { message, line: deeper.line, last: false };
    }
  }
  const taught = TEACHING.find(([pattern]) => pattern.test(words))?.[1];
  return { message: `This is not YAML: ${taught ?? words.replace(/\.$/, '')}.`, last: false };
}

/** A key that is indented further below a key with a value: its name, and the line of the mistake, from 1. */
function indentedFurther(
  lines: readonly string[],
  line: number,
): { readonly name: string; readonly line: number } | undefined {
  const above = /^(\s*(?:-\s+)*)([^\s:#'"{[]{1,100}):\s+[^\s#|>&]/.exec(
    (lines[line - 1] ?? '').slice(0, LONGEST_MISREAD),
  );
  const below = /^(\s*)[^\s:#'"]{1,100}:(?:\s|$)/.exec((lines[line] ?? '').slice(0, LONGEST_MISREAD));
  if (above === null || below === null || below[1]!.length <= above[1]!.length) return undefined;
  return { name: above[2]!, line: line + 1 };
}

/** The meaning in YAML of a character at the start of a text. */
const STARTS: ReadonlyMap<string, string> = new Map([
  ['[', 'as a list'],
  ['{', 'as a map'],
  ['*', 'as a reference to an anchor'],
  ['&', 'as an anchor'],
  ['!', 'as a tag'],
  ['|', 'as the sign of a text on the lines below'],
  ['>', 'as the sign of a text on the lines below'],
  ['"', 'as a quoted text that ends with the next "'],
  ["'", "as a quoted text that ends with the next '"],
  ['%', 'as a directive'],
  ['@', 'as a reserved character'],
  ['`', 'as a reserved character'],
]);
/** Maximum characters of a line that are examined. */
const LONGEST_MISREAD = 1000;
/** Maximum characters of a text that a message repeats in quotes. */
const SHOWN_QUOTED = 100;

/**
 * A line of a list whose text begins with a character that has a special meaning in YAML (`- [ -f x ] && y`): how YAML
 * parsed it, and what to write. `undefined` for other lines.
 */
function misreadText(line: string): { readonly message: string; readonly column: number } | undefined {
  const [, indent = '', head = '', text = ''] =
    /^(\s*)((?:-\s+)*(?:[A-Za-z][\w.-]*:\s+)?)(\S.*)$/.exec(line.slice(0, LONGEST_MISREAD)) ?? [];
  const means = STARTS.get(text[0] ?? '');
  if (means === undefined || head === '' || OF_ITS_OWN.some((whole) => whole.test(text))) return undefined;
  const whole = text.trimEnd();
  const quoted = whole.length > SHOWN_QUOTED ? '' : `: ${head}'${whole.replaceAll("'", "''")}'`;
  const message = `YAML reads ${text[0]} at the start of a text ${means}. Quote the whole text${quoted}`;
  return { message, column: indent.length + head.length + 1 };
}

/** A list, a map, a quoted text or a block indicator has another fault, or none. */
const OF_ITS_OWN: readonly RegExp[] = [
  /^\[+[^\]]*(?:\]+\s*(?:[,}#:].*)?)?$/,
  /^\{+[^}]*(?:\}+\s*(?:[,\]#:].*)?)?$/,
  // Only punctuation after the closing quote: a typing error.
  /^"[^"]*"?\W*$/,
  /^'[^']*'?\W*$/,
  /^[|>][-+0-9]*\s*$/,
];

/** Maximum characters at the end of a line that are searched for a block indicator. */
const LONGEST_END = 500;

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

/**
 * The block text (`|` or `>`) that a line at or before the given one ends because it is not indented; `undefined` if
 * there is none.
 */
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
      // A key at the indentation of the block's own key ends it correctly.
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

/** A key that needs a list (`commands:`, `steps:`) but continues differently; `undefined` if the line is in none. */
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
