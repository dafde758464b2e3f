/** Templates in HCL2 (`.pkr.hcl`). Pure. */
import { expandTemplate } from './engine.ts';
import { Evaluator, type Names } from './evaluate.ts';
import { parseExpression, parseHcl } from './hcl.ts';
import { PackerFault, type Attribute, type Block, type Body, type Expr, type Place } from './syntax.ts';
import { Settings, type Build, type Given, type PackerTemplate, type Provisioner, type Source } from './model.ts';
import { dataMarker, isList, isMap, textOf, type PackerValue } from './values.ts';

/** Maximum number of builds; real templates have a handful. */
const MOST_BUILDS = 100;

/** A block, and what its expressions know beside the template's names. */
interface MadeBlock {
  readonly block: Block;
  readonly own: ReadonlyMap<string, PackerValue>;
}

/** Maximum number of blocks from one dynamic block. */
const MOST_DYNAMIC = 1000;

interface File {
  readonly name: string;
  readonly text: string;
}

/**
 * Reads the files of a template, as Packer reads those of a folder.
 * @param variableFiles `.pkrvars.hcl`; later ones override earlier ones
 * @throws {PackerFault}
 */
export function readHclTemplate(files: readonly File[], variableFiles: readonly File[], given: Given): PackerTemplate {
  const bodies = files.map(({ name, text }) => parseHcl(name, text));
  const assigned = variableFiles.flatMap(({ name, text }) => parseHcl(name, text).attributes);
  return new HclTemplate(bodies, assigned, given).read();
}

class HclTemplate {
  readonly #blocks: readonly Block[];
  readonly #given: Given;
  readonly #evaluator: Evaluator;
  readonly #variables: ReadonlyMap<string, Block>;
  readonly #defaults: ReadonlyMap<string, Expr>;
  readonly #assigned: ReadonlyMap<string, Expr>;
  readonly #locals: ReadonlyMap<string, Expr>;
  /** Values of locals and variables that were read, and those being read. */
  readonly #known = new Map<string, PackerValue | PackerFault | 'reading'>();

  constructor(bodies: readonly Body[], assigned: readonly Attribute[], given: Given) {
    this.#given = given;
    this.#evaluator = new Evaluator(given.read);
    this.#blocks = bodies.flatMap(({ blocks }) => blocks);
    const named = (type: string): (readonly [string, Block])[] =>
      this.#blocks.flatMap((block) =>
        block.type === type && block.labels[0] !== undefined ? [[block.labels[0], block] as const] : [],
      );
    this.#variables = new Map(named('variable'));
    // variables { name = default }: the short form.
    this.#defaults = new Map(
      this.#blocks
        .filter(({ type }) => type === 'variables')
        .flatMap(({ body }) => body.attributes.map(({ name, value }) => [name, value] as const)),
    );
    this.#assigned = new Map(assigned.map(({ name, value }) => [name, value]));
    this.#locals = new Map([
      ...this.#blocks
        .filter(({ type }) => type === 'locals')
        .flatMap(({ body }) => body.attributes.map(({ name, value }) => [name, value] as const)),
      ...named('local').flatMap(([name, { body }]) => {
        const value = body.attributes.find((attribute) => attribute.name === 'expression')?.value;
        return value === undefined ? [] : [[name, value] as const];
      }),
    ]);
    for (const { attributes } of bodies)
      for (const { name, at } of attributes) this.#leaveOut(at, name, 'Packer has no such setting outside of blocks');
  }

  /** Sources that a build names. */
  readonly #used = new Set<string>();

  read(): PackerTemplate {
    const data = new Map<string, Settings>();
    const sources = new Map<string, Block>();
    const builds: Block[] = [];
    for (const block of this.#blocks) {
      const [first, second] = block.labels;
      if (block.type === 'source') sources.set(`${first}.${second}`, block);
      else if (block.type === 'data')
        data.set(`${first} ${second}`, this.#settings(`data ${first}.${second}`, block.body, block.at, this.#names()));
      else if (block.type === 'build') builds.push(block);
      else if (!['variable', 'variables', 'locals', 'local', 'packer'].includes(block.type))
        this.#leaveOut(block.at, `${block.type} ${block.labels.join('.')}`.trim(), 'there is no equivalent');
    }
    const made = builds.flatMap((block) => this.#builds(block, sources));
    if (this.#given.only.length === 0)
      for (const [name, block] of sources)
        if (!this.#used.has(name)) this.#leaveOut(block.at, `source ${name}`, 'no build uses it');
    return { builds: made, data };
  }

  #leaveOut(place: Place, what: string, why: string): void {
    this.#given.note({ kind: 'left out', place, what, why });
  }

  #names(source?: { readonly type: string; readonly name: string }): Names {
    const names: Names = {
      variable: (name, place) => this.#once(`var.${name}`, place, () => this.#variable(name, place)),
      local: (name, place) =>
        this.#once(`local.${name}`, place, () => {
          const value = this.#locals.get(name);
          if (value === undefined)
            throw new PackerFault(`there is no local '${name}' here; the folder reads all of its files`, place);
          return this.#evaluator.evaluate(value, this.#names());
        }),
      source: (name) => (name === 'name' ? source?.name : name === 'type' ? source?.type : undefined),
      data: (type, name, member, place) =>
        this.#once(`data.${type}.${name}.${member}`, place, () => this.#dataValue(type, name, member, place)),
    };
    return names;
  }

  /** A member of a data source: what its own settings say, or what is read when the image is built. */
  #dataValue(type: string, name: string, member: string, place: Place): PackerValue {
    const block = this.#blocks.find((each) => each.type === 'data' && each.labels.join(' ') === `${type} ${name}`);
    if (block === undefined) throw new PackerFault(`there is no data source '${type}' '${name}' here`, place);
    const setting = (of: string): PackerValue | undefined => {
      const value = block.body.attributes.find((each) => each.name === of)?.value;
      return value === undefined ? undefined : this.#evaluator.evaluate(value, this.#names());
    };
    if (type === 'null' && member === 'output') return setting('input') ?? '';
    if (type === 'amazon-secretsmanager' && ['value', 'secret_string'].includes(member)) {
      const key = member === 'value' ? setting('key') : undefined;
      const of = textOf(setting('name') ?? '', place);
      return `{{ resolve:secretsmanager:${of}${key === undefined ? '' : `:SecretString:${textOf(key, place)}`} }}`;
    }
    if (type === 'amazon-parameterstore' && member === 'value' && setting('with_decryption') === true)
      return `{{ resolve:ssm-secure:${textOf(setting('name') ?? '', place)} }}`;
    if (['id', 'value'].includes(member)) return dataMarker(type, name);
    const own = setting(member);
    if (typeof own === 'string' && ['name', 'region', 'owners'].includes(member) && type !== 'amazon-ami') return own;
    throw new PackerFault(`data.${type}.${name}.${member} is known only when Packer runs`, place);
  }

  #once(key: string, place: Place, read: () => PackerValue): PackerValue {
    const known = this.#known.get(key);
    if (known === 'reading') throw new PackerFault(`${key} depends on itself`, place);
    if (known instanceof PackerFault) throw known;
    if (known !== undefined) return known;
    this.#known.set(key, 'reading');
    try {
      const value = read();
      this.#known.set(key, value);
      return value;
    } catch (error) {
      this.#known.delete(key);
      if (error instanceof PackerFault) this.#known.set(key, error);
      throw error;
    }
  }

  #variable(name: string, place: Place): PackerValue {
    const block = this.#variables.get(name);
    const attribute = (of: string): Expr | undefined => block?.body.attributes.find((each) => each.name === of)?.value;
    const sensitive = attribute('sensitive');
    if (sensitive?.kind === 'literal' && sensitive.value === true) {
      this.#given.note({
        kind: 'choice',
        place: block!.at,
        what: `variable ${name}`,
        why:
          `it is sensitive, so its value is not written down: keep it as the secret 'packer/${name}' ` +
          '(docs/components.md, Secrets)',
      });
      return `{{ resolve:secretsmanager:packer/${name} }}`;
    }
    const text = this.#given.variables.get(name);
    if (text !== undefined) return this.#typed(name, text, attribute('type'));
    const value = this.#assigned.get(name) ?? attribute('default') ?? this.#defaults.get(name);
    if (
      value !== undefined &&
      !(value.kind === 'call' && value.name === 'env') &&
      !(value.kind === 'literal' && value.value === null)
    )
      return this.#evaluator.evaluate(value, this.#names());
    if (block === undefined)
      throw new PackerFault(
        `there is no variable '${name}' in this file; give the folder to read all of its files, or --var ${name}=VALUE`,
        place,
      );
    if (value?.kind === 'literal') return null;
    this.#given.unset(name, block.at);
    return '';
  }

  /** A value from the command line: a text, or an expression if the type requires it. */
  #typed(name: string, text: string, type: Expr | undefined): PackerValue {
    if (type === undefined || (type.kind === 'name' && type.name === 'string')) return text;
    if (type.kind === 'name' && type.name === 'any' && !/^\s*[[{]/.test(text)) return text;
    return this.#evaluator.evaluate(parseExpression(`--var ${name}`, text), this.#names());
  }

  #settings(
    owner: string,
    body: Body,
    place: Place,
    names: Names,
    source?: { readonly type: string; readonly name: string },
    also: ReadonlyMap<string, Expr> = new Map(),
    own: ReadonlyMap<string, PackerValue> = new Map(),
  ): Settings {
    const values = new Map<string, { place: Place; read: () => PackerValue }>();
    const put = (name: string, at: Place, value: Expr): void =>
      void values.set(name, {
        place: at,
        read: () => expandAll(this.#evaluator.evaluate(value, names, own), at, source),
      });
    for (const { name, at, value } of body.attributes) put(name, at, value);
    const plain = body.blocks.map((block) => ({
      block,
      type: block.type === 'dynamic' ? (block.labels[0] ?? '') : block.type,
    }));
    for (const [type, blocks] of Map.groupBy(plain, (each) => each.type)) {
      const { at } = blocks[0]!.block;
      values.set(type, {
        place: at,
        read: () =>
          expandAll(
            blocks.flatMap(({ block }) => this.#expanded(block, names, own)),
            at,
            source,
          ),
      });
    }
    for (const [name, value] of also) put(name, value.at, value);
    return new Settings(owner, place, values, this.#given.note);
  }

  /** A block, or the blocks that a `dynamic` block expands to. */
  #expanded(block: Block, names: Names, own: ReadonlyMap<string, PackerValue> = new Map()): readonly PackerValue[] {
    if (block.type !== 'dynamic') return [this.#nested(block, names, own)];
    return this.#made(block, names, own).map((each) => this.#nested({ ...each.block, labels: [] }, names, each.own));
  }

  /** The blocks of a build, with those that its `dynamic` blocks make. */
  #blocksOf({ body }: Block, names: Names): readonly MadeBlock[] {
    return body.blocks.flatMap((block) => {
      const type = block.labels[0] ?? '';
      if (block.type !== 'dynamic') return [{ block, own: new Map() }];
      if (type === 'provisioner' || type === 'source') {
        try {
          return this.#made(block, names, new Map());
        } catch (error) {
          if (!(error instanceof PackerFault)) throw error;
          this.#leaveOut(block.at, `dynamic ${type}`, error.message);
          return [];
        }
      }
      return [{ block: { ...block, type, labels: [] }, own: new Map() }];
    });
  }

  /** What a `dynamic` block makes. @throws {PackerFault} */
  #made(block: Block, names: Names, own: ReadonlyMap<string, PackerValue>): readonly MadeBlock[] {
    const { labels, body, at } = block;
    const of = (name: string): Expr | undefined => body.attributes.find((each) => each.name === name)?.value;
    const content = body.blocks.find((inner) => inner.type === 'content');
    const each = of('for_each');
    if (each === undefined || content === undefined)
      throw new PackerFault("a dynamic block needs 'for_each' and a block 'content'", at);
    const iterator = of('iterator');
    const called = iterator?.kind === 'name' ? iterator.name : (labels[0] ?? '');
    const over = this.#evaluator.evaluate(each, names, own);
    const pairs: readonly (readonly [PackerValue, PackerValue])[] = isList(over)
      ? over.map((item, index) => [index, item])
      : isMap(over)
        ? [...over.map]
        : [];
    if (pairs.length > MOST_DYNAMIC) throw new PackerFault(`more than ${MOST_DYNAMIC} blocks are made`, at);
    return pairs.map(([key, value]) => {
      const item: PackerValue = { map: new Map([['key', key] as const, ['value', value] as const]) };
      const inner = new Map([...own, [called, item]]);
      const given = of('labels');
      const named = given === undefined ? [] : this.#evaluator.evaluate(given, names, inner);
      const made = (isList(named) ? named : [named]).map((label) => textOf(label, given!.at));
      return { block: { ...content, type: labels[0] ?? '', labels: made }, own: inner };
    });
  }

  #nested({ body, labels, at }: Block, names: Names, own: ReadonlyMap<string, PackerValue> = new Map()): PackerValue {
    if (labels.length > 0) throw new PackerFault(`a block '${labels[0]}' is not evaluated here`, at);
    const map = new Map<string, PackerValue>();
    for (const { name, value } of body.attributes) map.set(name, this.#evaluator.evaluate(value, names, own));
    for (const block of body.blocks) {
      const type = block.type === 'dynamic' ? (block.labels[0] ?? '') : block.type;
      const before = map.get(type) ?? [];
      map.set(type, [...(isList(before) ? before : [before]), ...this.#expanded(block, names, own)]);
    }
    return { map };
  }

  #builds(block: Block, sources: ReadonlyMap<string, Block>): readonly Build[] {
    const names = this.#names();
    const settings = this.#settings('build', block.body, block.at, names);
    settings.use('provisioner', 'source', 'name', 'description');
    const blocks = this.#blocksOf(block, names);
    const asked: {
      readonly key: string;
      readonly place: Place;
      readonly body?: Body;
      readonly own?: ReadonlyMap<string, PackerValue>;
    }[] = [];
    for (const name of settings.texts('sources') ?? [])
      asked.push({ key: name.replace(/^source\./, ''), place: settings.placeOf('sources') });
    for (const { block: inner, own } of blocks)
      if (inner.type === 'source')
        asked.push({ key: (inner.labels[0] ?? '').replace(/^source\./, ''), place: inner.at, body: inner.body, own });
    for (const {
      block: { type, labels, at },
    } of blocks) {
      if (type === 'post-processor') this.#leaveOut(at, `post-processor ${labels[0] ?? ''}`, postProcessor(labels[0]));
      else if (type === 'post-processors')
        this.#leaveOut(at, 'post-processors', 'Ingot makes an AMI; it runs nothing after that');
    }
    settings.use('post-processor', 'post-processors');
    for (const name of settings.unused()) settings.note('left out', name, 'there is no equivalent');

    const builds: Build[] = [];
    for (const { key, place, body, own: given } of asked) {
      const split = key.indexOf('.');
      const [type, name] = [key.slice(0, split), key.slice(split + 1)];
      const source = sources.get(key);
      if (!isAsked(this.#given.only, type, name)) continue;
      if (source === undefined) {
        this.#leaveOut(place, `source ${key}`, 'it is not in this file; give the folder to read all of its files');
        continue;
      }
      this.#used.add(key);
      if (builds.length >= MOST_BUILDS) throw new PackerFault(`more than ${MOST_BUILDS} sources are built`, place);
      // A source inside a build adds settings, and may rename it.
      const own = new Map((body?.attributes ?? []).map((each) => [each.name, each.value]));
      const named = own.get('name');
      const called = named === undefined ? name : textOf(this.#evaluator.evaluate(named, names, given), named.at);
      own.delete('name');
      const inner = this.#names({ type, name: called });
      const made: Source = {
        type,
        name: called,
        settings: this.#settings(`source ${key}`, source.body, source.at, inner, { type, name: called }, own, given),
      };
      builds.push({ source: made, provisioners: this.#provisioners(blocks, made, inner) });
    }
    return builds;
  }

  #provisioners(blocks: readonly MadeBlock[], source: Source, names: Names): readonly Provisioner[] {
    return blocks.flatMap(({ block: { type: kind, labels, body, at }, own }) => {
      if (kind === 'error-cleanup-provisioner')
        this.#leaveOut(at, `error-cleanup-provisioner ${labels[0] ?? ''}`, 'Ingot removes a failed instance');
      if (kind !== 'provisioner') return [];
      const type = labels[0] ?? '';
      const settings = this.#settings(`provisioner ${type}`, body, at, names, source, undefined, own);
      return isMeant(settings, source) ? [{ type, settings }] : [];
    });
  }
}

/** The value with Packer's template engine applied to its texts. */
function expandAll(
  value: PackerValue,
  place: Place,
  source: { readonly type: string; readonly name: string } | undefined,
): PackerValue {
  if (typeof value === 'string') return expandTemplate(value, { place, source });
  if (isList(value)) return value.map((item) => expandAll(item, place, source));
  if (!isMap(value)) return value;
  return { map: new Map([...value.map].map(([key, item]) => [key, expandAll(item, place, source)])) };
}

/** Whether a provisioner's `only` and `except` include a source. */
export function isMeant(settings: Settings, { type, name }: Source): boolean {
  const own = [`${type}.${name}`, name, `source.${type}.${name}`];
  const only = settings.texts('only');
  const except = settings.texts('except');
  if (only !== undefined && !only.some((each) => own.includes(each))) return false;
  return !(except ?? []).some((each) => own.includes(each));
}

/** Whether a source is imported. */
export function isAsked(only: readonly string[], type: string, name: string): boolean {
  return only.length === 0 || only.some((each) => each === name || each === `${type}.${name}`);
}

/** The advice for a post-processor. */
export function postProcessor(name: string | undefined): string {
  switch (name) {
    case 'manifest':
      return '`$INGOT images` lists what was made';
    case 'amazon-import':
      return '`$INGOT import` imports a disk';
    case 'vagrant':
    case 'vagrant-cloud':
      return 'Ingot makes no Vagrant boxes';
    case 'docker-tag':
    case 'docker-push':
    case 'docker-import':
    case 'docker-save':
      return 'the image is a machine image';
    default:
      return 'Ingot makes an AMI; it runs nothing after that';
  }
}
