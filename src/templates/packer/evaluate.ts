/** Evaluates Packer's expressions without Packer. Pure; work and length of texts are limited. */
import { readUtf8 } from '../../platform/utf8.ts';
import { nearestWord } from '../../documents/nearest.ts';
import type { ReadLocal } from './files.ts';
import { filesetMatcher } from './fileset.ts';
import { FUNCTIONS } from './functions.ts';
import { parseJson, parseTemplateText } from './hcl.ts';
import { PackerFault, type Expr, type Place } from './syntax.ts';
import { booleanOf, isList, isMap, numberOf, textOf, type PackerValue } from './values.ts';

/** Maximum number of evaluated expressions per template, and of characters in their texts. */
const MOST_STEPS = 200_000;
const MOST_CHARACTERS = 16 << 20;
/** Maximum nesting of expressions, across locals. */
const MOST_DEPTH = 400;

/** The values of names. */
export interface Names {
  /** Value of `var.NAME`. @throws {PackerFault} */
  variable(name: string, place: Place): PackerValue;
  /** Value of `local.NAME`. @throws {PackerFault} */
  local(name: string, place: Place): PackerValue;
  /** `source.NAME` inside a build: the source's name or type. */
  source(name: string): string | undefined;
  /** Value of `data.TYPE.NAME.MEMBER`; absent where there are no data sources. @throws {PackerFault} */
  data?(type: string, name: string, member: string, place: Place): PackerValue;
}

/** Inside the file of a `templatefile()`. */
const ONLY_GIVEN: Names = {
  variable: (name, place) => fail(`var.${name} is not known in the file of a templatefile()`, place),
  local: (name, place) => fail(`local.${name} is not known in the file of a templatefile()`, place),
  source: () => undefined,
};

/** Evaluates expressions, and counts the cost. */
export class Evaluator {
  readonly #read: ReadLocal | undefined;
  #steps = 0;
  #characters = 0;
  #depth = 0;
  #inTemplate = false;

  /** @param read for `file()` and `templatefile()`; without it they are not supported */
  constructor(read?: ReadLocal) {
    this.#read = read;
  }

  /** @throws {PackerFault} for an expression without a value */
  evaluate(expr: Expr, names: Names, own: ReadonlyMap<string, PackerValue> = new Map()): PackerValue {
    if (++this.#steps > MOST_STEPS) throw new PackerFault(`more than ${MOST_STEPS} expressions are evaluated`, expr.at);
    if (++this.#depth > MOST_DEPTH) throw new PackerFault('expressions depend on one another too deeply', expr.at);
    try {
      const value = this.#value(expr, names, own);
      if (typeof value === 'string') this.#characters += value.length;
      else if (isList(value)) this.#characters += value.length;
      if (this.#characters > MOST_CHARACTERS) throw new PackerFault('the texts become too long', expr.at);
      return value;
    } finally {
      this.#depth--;
    }
  }

  #value(expr: Expr, names: Names, own: ReadonlyMap<string, PackerValue>): PackerValue {
    const evaluate = (of: Expr): PackerValue => this.evaluate(of, names, own);
    switch (expr.kind) {
      case 'literal':
        return expr.value;
      case 'template': {
        const [first, only, last] = expr.parts;
        // A text that consists of one reference keeps its type: "${var.tags}".
        if (expr.parts.length === 3 && first === '' && last === '') return evaluate(only as Expr);
        return expr.parts.map((part) => (typeof part === 'string' ? part : textOf(evaluate(part), part.at))).join('');
      }
      case 'name':
        return own.get(expr.name) ?? fail(`'${expr.name}' is not known`, expr.at);
      case 'attribute':
        return this.#attribute(expr, names, own);
      case 'index': {
        const of = evaluate(expr.of);
        const key = evaluate(expr.key);
        const found = isList(of)
          ? of[numberOf(key, expr.at)]
          : isMap(of)
            ? of.map.get(textOf(key, expr.at))
            : fail('only lists and maps have an index', expr.at);
        return found === undefined ? fail('there is no such index or key', expr.at) : found;
      }
      case 'splat': {
        const of = evaluate(expr.of);
        return (isList(of) ? of : [of]).map((item) =>
          expr.path.reduce((value, key) => member(value, key, expr.at), item),
        );
      }
      case 'tuple':
        return expr.items.map(evaluate);
      case 'object':
        return { map: new Map(expr.items.map(([key, value]) => [textOf(evaluate(key), key.at), evaluate(value)])) };
      case 'call':
        return this.#call(expr, evaluate);
      case 'unary': {
        const of = evaluate(expr.of);
        return expr.operator === '!' ? !booleanOf(of, expr.at) : -numberOf(of, expr.at);
      }
      case 'binary':
        return binary(expr, evaluate);
      case 'conditional':
        return evaluate(booleanOf(evaluate(expr.test), expr.at) ? expr.yes : expr.no);
      case 'for':
        return this.#for(expr, names, own);
    }
  }

  #attribute(
    expr: Extract<Expr, { kind: 'attribute' }>,
    names: Names,
    own: ReadonlyMap<string, PackerValue>,
  ): PackerValue {
    const { of, name, at } = expr;
    if (of.kind === 'name' && !own.has(of.name)) {
      if (of.name === 'var') return names.variable(name, at);
      if (of.name === 'local') return names.local(name, at);
      // Files are searched in the template's folder.
      if (of.name === 'path' && ['root', 'cwd'].includes(name)) return '.';
      if (of.name === 'source') return names.source(name) ?? fail(`source.${name} is not known here`, at);
      if (of.name === 'packer' && name === 'version') return fail('packer.version is not known here', at);
      if (of.name === 'build') return fail(`build.${name} is known only when Packer runs`, at);
    }
    // data.TYPE.NAME.id, .value, .secret_string
    if (
      of.kind === 'attribute' &&
      of.of.kind === 'attribute' &&
      of.of.of.kind === 'name' &&
      of.of.of.name === 'data' &&
      names.data !== undefined
    )
      return names.data(of.of.name, of.name, name, at);
    return member(this.evaluate(of, names, own), name, at);
  }

  #call(expr: Extract<Expr, { kind: 'call' }>, evaluate: (of: Expr) => PackerValue): PackerValue {
    if (expr.name === 'try' || expr.name === 'can') {
      for (const argument of expr.args) {
        try {
          const value = evaluate(argument);
          return expr.name === 'can' ? true : value;
        } catch (error) {
          if (!(error instanceof PackerFault)) throw error;
        }
      }
      return expr.name === 'can' ? false : fail('try: no argument has a value', expr.at);
    }
    if (expr.name === 'file' && this.#read !== undefined && expr.args.length === 1)
      return textOfFile(this.#read, textOf(evaluate(expr.args[0]!), expr.at), expr.at);
    if (expr.name === 'filebase64' && this.#read !== undefined && expr.args.length === 1)
      return Buffer.from(bytesOfFile(this.#read, textOf(evaluate(expr.args[0]!), expr.at), expr.at)).toString('base64');
    if (expr.name === 'fileexists' && this.#read !== undefined && expr.args.length === 1)
      return isFile(this.#read, textOf(evaluate(expr.args[0]!), expr.at), expr.at);
    if (expr.name === 'templatefile' && this.#read !== undefined && expr.args.length === 2)
      return this.#templateFile(this.#read, evaluate(expr.args[0]!), evaluate(expr.args[1]!), expr.at);
    if (expr.name === 'jsondecode' && expr.args.length === 1)
      return this.#json(textOf(evaluate(expr.args[0]!), expr.at), expr.at);
    if (expr.name === 'fileset' && this.#read !== undefined && expr.args.length === 2) {
      const [folder, pattern] = expr.args.map((arg) => textOf(evaluate(arg), expr.at));
      return fileset(this.#read, folder!, pattern!, expr.at);
    }
    const run = FUNCTIONS.get(expr.name);
    if (run === undefined) {
      const near = nearestWord(expr.name, [...FUNCTIONS.keys()]);
      return fail(
        `the function ${expr.name}() is not evaluated here${near === undefined ? '' : `; did you mean ${near}()?`}`,
        expr.at,
      );
    }
    const args = expr.args.map(evaluate);
    const last = args.at(-1);
    return run(expr.spread && last !== undefined && isList(last) ? [...args.slice(0, -1), ...last] : args, expr.at);
  }

  #json(text: string, at: Place): PackerValue {
    try {
      return this.evaluate(parseJson('jsondecode()', text), ONLY_GIVEN);
    } catch (error) {
      throw error instanceof PackerFault ? new PackerFault(`jsondecode(): ${error.message}`, at) : error;
    }
  }

  /** As in Packer, the file sees only the given values, and cannot use `templatefile()`. */
  #templateFile(read: ReadLocal, path: PackerValue, values: PackerValue, at: Place): PackerValue {
    if (this.#inTemplate) return fail('templatefile() within the file of a templatefile()', at);
    if (!isMap(values)) return fail('templatefile() needs a map of values', at);
    const text = textOfFile(read, textOf(path, at), at);
    this.#characters += text.length;
    this.#inTemplate = true;
    try {
      return this.evaluate(parseTemplateText(textOf(path, at), text), ONLY_GIVEN, values.map);
    } finally {
      this.#inTemplate = false;
    }
  }

  #for(expr: Extract<Expr, { kind: 'for' }>, names: Names, own: ReadonlyMap<string, PackerValue>): PackerValue {
    const over = this.evaluate(expr.over, names, own);
    const pairs: readonly (readonly [PackerValue, PackerValue])[] = isList(over)
      ? over.map((item, index) => [index, item])
      : isMap(over)
        ? [...over.map]
        : fail('for needs a list or a map', expr.at);
    const list: PackerValue[] = [];
    const map = new Map<string, PackerValue>();
    for (const [key, value] of pairs) {
      const [first, second] = expr.names;
      const inner = new Map(own);
      if (second === undefined) inner.set(first!, value);
      else inner.set(first!, key).set(second, value);
      if (expr.test !== undefined && !booleanOf(this.evaluate(expr.test, names, inner), expr.at)) continue;
      const made = this.evaluate(expr.value, names, inner);
      if (expr.key === undefined) list.push(made);
      else map.set(textOf(this.evaluate(expr.key, names, inner), expr.at), made);
    }
    return expr.key === undefined ? list : { map };
  }
}

/** The bytes of a file in the template's folder. */
function bytesOfFile(read: ReadLocal, path: string, at: Place): Uint8Array {
  const found = read(path);
  if (found.kind === 'absent') return fail(`file(): ${found.why}`, at);
  if (found.kind === 'folder') return fail(`file(): ${path} is a folder`, at);
  if (found.file.size !== undefined) return fail(`file(): ${path} is too large for a text`, at);
  return found.file.bytes;
}

/** The text of a file in the template's folder. */
function textOfFile(read: ReadLocal, path: string, at: Place): string {
  const bytes = bytesOfFile(read, path, at);
  try {
    return readUtf8(bytes);
  } catch (error) {
    return fail(`file(): ${path} ${(error as Error).message}`, at);
  }
}

/** Whether a path in the template's folder is a file. One outside of it is not known. */
function isFile(read: ReadLocal, path: string, at: Place): boolean {
  const found = read(path, 'names');
  if (found.kind === 'absent' && found.outside === true) return fail(`fileexists(): ${found.why}`, at);
  return found.kind === 'file';
}

/** Names of the folder's files that match a pattern, sorted; empty if the folder does not exist. */
function fileset(read: ReadLocal, folder: string, pattern: string, at: Place): readonly string[] {
  const fits = filesetMatcher(pattern);
  if (fits === undefined) return fail(`fileset(): the pattern '${pattern}' is not evaluated here`, at);
  const found = read(folder, 'names');
  if (found.kind === 'absent') return fail(`fileset(): ${found.why}`, at);
  if (found.kind === 'file') return fail(`fileset(): ${folder} is a file`, at);
  return found.files
    .map(({ name }) => name)
    .filter(fits)
    .sort();
}

function fail(message: string, place: Place): never {
  throw new PackerFault(message, place);
}

function member(of: PackerValue, name: string, place: Place): PackerValue {
  if (isMap(of)) return of.map.get(name) ?? fail(`there is no '${name}'`, place);
  if (isList(of) && /^\d+$/.test(name)) return of[Number(name)] ?? fail(`there is no item ${name}`, place);
  return fail(`there is no '${name}'`, place);
}

function binary(expr: Extract<Expr, { kind: 'binary' }>, evaluate: (of: Expr) => PackerValue): PackerValue {
  const left = evaluate(expr.left);
  const { at, operator } = expr;
  if (operator === '&&') return booleanOf(left, at) && booleanOf(evaluate(expr.right), at);
  if (operator === '||') return booleanOf(left, at) || booleanOf(evaluate(expr.right), at);
  const right = evaluate(expr.right);
  if (operator === '==' || operator === '!=') {
    const same = isList(left) && isList(right) ? left.length === 0 && right.length === 0 : left === right;
    return same === (operator === '==');
  }
  const [a, b] = [numberOf(left, at), numberOf(right, at)];
  switch (operator) {
    case '<':
      return a < b;
    case '<=':
      return a <= b;
    case '>':
      return a > b;
    case '>=':
      return a >= b;
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    default:
      return a % b;
  }
}
