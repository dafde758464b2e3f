/** Sections of the AWS CLI's files, which are INI with nested values. Pure. */

/**
 * Adds a section to a file's text, or replaces the one with the same name.
 * @param header as between the brackets, such as `profile ingot`
 * @param body its lines, without the last newline
 */
export function withSection(text: string, header: string, body: string): string {
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n');
  const isHeader = (line: string): boolean => /^\s*\[[^\]]*\]\s*([#;].*)?$/.test(line);
  const named = (line: string): boolean =>
    isHeader(line) && /\[\s*([^\]]*?)\s*\]/.exec(line)![1]!.replace(/\s+/g, ' ') === header;
  const section = [`[${header}]`, ...body.split('\n')];
  const start = lines.findIndex(named);
  if (start < 0) return [...lines, ...(lines.length > 0 && lines.at(-1) !== '' ? [''] : []), ...section, ''].join('\n');
  const next = lines.findIndex((line, index) => index > start && isHeader(line));
  const after = next < 0 ? [] : ['', ...lines.slice(next)];
  return [...lines.slice(0, start), ...section, ...after, ''].join('\n');
}
