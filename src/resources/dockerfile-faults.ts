/** Finds the faults of a Dockerfile template, with line and column. Pure. */
import { DockerfileParser, Keyword } from 'dockerfile-ast';

const VARIABLE = /\{\{\{\s*imagebuilder:([^{}]*?)\s*\}\}\}/g;
const KNOWN: readonly string[] = ['parentImage', 'environments', 'components'];
const INSTRUCTIONS: ReadonlySet<string> = new Set(Object.values(Keyword) as string[]);

/**
 * The template with its variables replaced by text of the same length, so that positions stay: an image's name for the
 * parent image, a comment for variables on a line of their own.
 */
function placeholders(template: string): string {
  return template.replace(VARIABLE, (whole, name: string) =>
    name === 'parentImage' ? 'p'.repeat(whole.length) : `#${' '.repeat(whole.length - 1)}`,
  );
}

function at(template: string, offset: number): string {
  const before = template.slice(0, offset).split('\n');
  return `Line ${before.length}, column ${before.at(-1)!.length + 1}`;
}

/** The first fault of the template's instructions and variables, as a sentence; `undefined` if there is none. */
export function instructionFault(template: string): string | undefined {
  const seen = new Map<string, number>();
  for (const match of template.matchAll(VARIABLE)) {
    const name = match[1]!;
    if (!KNOWN.includes(name))
      return (
        `${at(template, match.index)}: '${match[0]}' is an unknown variable: expected ` +
        'imagebuilder:parentImage, imagebuilder:environments or imagebuilder:components.'
      );
    if (name === 'components' && seen.has(name))
      return `${at(template, match.index)}: '${match[0]}' is already on line ${seen.get(name)}: components run once.`;
    seen.set(name, template.slice(0, match.index).split('\n').length);
    if (name === 'parentImage') continue;
    const start = template.lastIndexOf('\n', match.index) + 1;
    const end = template.indexOf('\n', match.index);
    const line = template.slice(start, end < 0 ? undefined : end).trim();
    if (line !== match[0]) return `${at(template, match.index)}: '${match[0]}' must be on a line of its own.`;
  }
  const dockerfile = DockerfileParser.parse(placeholders(template));
  let stages = 0;
  for (const instruction of dockerfile.getInstructions()) {
    const { start } = instruction.getInstructionRange();
    const keyword = instruction.getKeyword();
    const place = `Line ${start.line + 1}, column ${start.character + 1}`;
    if (!INSTRUCTIONS.has(keyword))
      return `${place}: '${instruction.getInstruction()}' is not a Dockerfile instruction.`;
    if (keyword === 'FROM') stages++;
    else if (stages === 0 && keyword !== 'ARG') return `${place}: ${keyword} needs a FROM before it.`;
    if (instruction.getArguments().length === 0) return `${place}: ${keyword} needs an argument.`;
  }
  if (stages === 0) return 'Line 1, column 1: the template has no FROM instruction.';
  const components = template.search(/\{\{\{\s*imagebuilder:components\s*\}\}\}/);
  const firstFrom = dockerfile.getFROMs()[0]!.getRange().start;
  const line = template.slice(0, Math.max(0, components)).split('\n').length - 1;
  if (components >= 0 && line < firstFrom.line)
    return `${at(template, components)}: {{{ imagebuilder:components }}} must come after a FROM instruction.`;
  return undefined;
}
