/** Packer's template engine inside texts: `{{timestamp}}`, {{user `name`}}. Pure; one pass. */
import { PackerFault, type Place } from './syntax.ts';
import { BUILD_TIME, UNIQUE } from './values.ts';

/** Maximum length of a text in which something is replaced. */
const MOST_REPLACED = 1 << 20;

/** The values for the functions in a text. */
export interface EngineContext {
  readonly place: Place;
  /** Name and type of the source that is built. */
  readonly source?: { readonly name: string; readonly type: string };
  /** {{user `name`}}, which only JSON templates have. */
  readonly user?: (name: string, place: Place) => string;
  /** {{env `NAME`}} */
  readonly env?: (name: string, place: Place) => string;
}

/**
 * Evaluates the double braces in a text. Fields (`{{ .Vars }}`) and references to secrets are unchanged.
 * @throws {PackerFault} for an unsupported function
 */
export function expandTemplate(text: string, context: EngineContext): string {
  let made = '';
  let at = 0;
  for (;;) {
    const start = text.indexOf('{{', at);
    const end = start === -1 ? -1 : closing(text, start + 2);
    if (end === -1) return made + text.slice(at);
    made += text.slice(at, start);
    const inner = text
      .slice(start + 2, end)
      .replace(/^-|-$/g, '')
      .trim();
    made += pipeline(inner, context) ?? text.slice(start, end + 2);
    at = end + 2;
  }
}

/** The index of the `}}` that is not inside a raw text. */
function closing(text: string, from: number): number {
  const end = text.indexOf('}}', from);
  const raw = text.indexOf('`', from);
  if (raw === -1 || end === -1 || raw > end) return end;
  const rawEnd = text.indexOf('`', raw + 1);
  return rawEnd === -1 ? end : text.indexOf('}}', rawEnd + 1);
}

function pipeline(inner: string, context: EngineContext): string | undefined {
  if (inner.startsWith('.') || inner.startsWith('resolve:') || inner.startsWith('imagebuilder:')) return undefined;
  let value: string | undefined;
  for (const part of inner.split('|')) {
    const words = [...part.matchAll(/`([^`]*)`|"([^"]*)"|([^\s`"]+)/g)];
    if (words.length === 0 || words.length > 20) return undefined;
    const [first, ...rest] = words;
    if (first![3] === undefined) {
      value = first![1] ?? first![2]!;
      continue;
    }
    const args = rest.map(([, raw, quoted, word]) => raw ?? quoted ?? word!);
    if (value !== undefined) args.push(value);
    if (args.some((arg) => arg.startsWith('(') || arg.startsWith('.'))) return undefined;
    value = call(first![3], args, context);
  }
  return value;
}

function call(name: string, args: readonly string[], context: EngineContext): string {
  const { place, source } = context;
  const only = args[0] ?? '';
  switch (name) {
    case 'user':
      if (context.user !== undefined) return context.user(only, place);
      throw new PackerFault('templates in HCL2 have var.NAME instead of {{user}}', place);
    case 'env':
      if (context.env !== undefined) return context.env(only, place);
      throw new PackerFault('the environment is not read; give the value with --var', place);
    case 'timestamp':
    case 'isotime':
    case 'strftime':
      return BUILD_TIME;
    case 'uuid':
      return UNIQUE;
    case 'build_name':
      return source?.name ?? '';
    case 'build_type':
      return source?.type ?? '';
    case 'template_dir':
    case 'pwd':
      return '.';
    case 'lower':
      return only.toLowerCase();
    case 'upper':
      return only.toUpperCase();
    case 'clean_ami_name':
    case 'clean_resource_name':
    case 'clean_image_name':
      return only.replace(/[^A-Za-z0-9()[\] ./\-'@_{}:`\ue000\ue001]/g, '-');
    case 'replace_all':
    case 'replace':
      return replaced(name, args, place);
    case 'split': {
      const [text = '', between = '', index = '0'] = args;
      const found = text.split(between)[Number(index)];
      if (found === undefined) throw new PackerFault(`split: '${text}' has no part ${index}`, place);
      return found;
    }
    default:
      throw new PackerFault(`the template function '${name}' is not evaluated here`, place);
  }
}

/** `replace_all OLD NEW TEXT`; `replace OLD NEW COUNT TEXT`. */
function replaced(name: string, args: readonly string[], place: Place): string {
  const [search, by, third, fourth] = args;
  const [count, text] = name === 'replace' ? [Number(third), fourth] : [-1, third];
  if (search === undefined || search === '' || by === undefined || text === undefined || !Number.isInteger(count))
    throw new PackerFault(`the template function '${name}' lacks an argument`, place);
  const parts = text.split(search);
  const last = count < 0 ? parts.length - 1 : Math.min(count, parts.length - 1);
  if (text.length + last * by.length > MOST_REPLACED) throw new PackerFault('the text becomes too long', place);
  return [parts.slice(0, last + 1).join(by), ...parts.slice(last + 1)].join(search);
}
