/** JSON templates, Packer's format before HCL2. Pure. */
import { expandTemplate } from './engine.ts';
import { Evaluator, type Names } from './evaluate.ts';
import { isAsked, isMeant, postProcessor } from './hcl-template.ts';
import { parseJson } from './hcl.ts';
import { PackerFault, type Expr, type Place } from './syntax.ts';
import { Settings, type Build, type Given, type PackerTemplate, type Source } from './model.ts';
import { isList, isMap, textOf, type PackerValue } from './values.ts';

type Members = readonly (readonly [name: string, value: Expr])[];

const NO_NAMES: Names = {
  variable: (name, place) => fail(`'${name}' is not known`, place),
  local: (name, place) => fail(`'${name}' is not known`, place),
  source: () => undefined,
};

/** @throws {PackerFault} */
export function readJsonTemplate(
  file: string,
  text: string,
  variableFiles: readonly { readonly name: string; readonly text: string }[],
  given: Given,
): PackerTemplate {
  return new JsonTemplate(
    parseJson(file, text),
    variableFiles.map(({ name, text: own }) => parseJson(name, own)),
    given,
  ).read();
}

class JsonTemplate {
  readonly #root: Members;
  readonly #given: Given;
  readonly #evaluator = new Evaluator();
  readonly #variables: ReadonlyMap<string, Expr>;
  readonly #assigned: ReadonlyMap<string, Expr>;
  readonly #sensitive: ReadonlySet<string>;
  readonly #reading = new Set<string>();

  constructor(root: Expr, assigned: readonly Expr[], given: Given) {
    this.#given = given;
    this.#root = membersOf(root, 'a Packer template');
    this.#variables = new Map(membersOf(this.#member('variables'), 'variables'));
    this.#assigned = new Map(assigned.flatMap((each) => membersOf(each, 'a file of variables')));
    const sensitive = this.#member('sensitive-variables');
    this.#sensitive = new Set(
      sensitive === undefined
        ? []
        : itemsOf(sensitive).map((item) => textOf(this.#evaluator.evaluate(item, NO_NAMES), item.at)),
    );
  }

  read(): PackerTemplate {
    const known = [
      'variables',
      'sensitive-variables',
      'builders',
      'provisioners',
      'post-processors',
      'description',
      'min_packer_version',
    ];
    for (const [name, { at }] of this.#root)
      if (!known.includes(name) && !name.startsWith('_')) this.#leaveOut(at, name, 'there is no equivalent');
    for (const item of itemsOf(this.#member('post-processors'))) this.#postProcessor(item);
    const builds = itemsOf(this.#member('builders')).flatMap((item) => this.#build(item));
    return { builds, data: new Map() };
  }

  #leaveOut(place: Place, what: string, why: string): void {
    this.#given.note({ kind: 'left out', place, what, why });
  }

  #member(name: string): Expr | undefined {
    return this.#root.find(([each]) => each === name)?.[1];
  }

  #postProcessor(item: Expr): void {
    if (item.kind === 'tuple') {
      for (const each of item.items) this.#postProcessor(each);
      return;
    }
    const name = item.kind === 'literal' ? String(item.value) : this.#plainMember(item, 'type');
    this.#leaveOut(item.at, `post-processor ${name ?? ''}`, postProcessor(name));
  }

  #plainMember(of: Expr, name: string): string | undefined {
    const value = of.kind === 'object' ? membersOf(of, 'an object').find(([each]) => each === name)?.[1] : undefined;
    return value?.kind === 'literal' && typeof value.value === 'string' ? value.value : undefined;
  }

  #build(item: Expr): readonly Build[] {
    const type = this.#plainMember(item, 'type') ?? fail('a builder needs a type', item.at);
    const name = this.#plainMember(item, 'name') ?? type;
    if (!isAsked(this.#given.only, type, name)) return [];
    const place = { type, name };
    const source: Source = { ...place, settings: this.#settings(`builder ${name}`, item, place) };
    source.settings.use('type', 'name');
    const provisioners = itemsOf(this.#member('provisioners')).flatMap((each) => {
      const kind = this.#plainMember(each, 'type') ?? fail('a provisioner needs a type', each.at);
      const settings = this.#settings(`provisioner ${kind}`, each, place);
      settings.use('type');
      return isMeant(settings, source) ? [{ type: kind, settings }] : [];
    });
    return [{ source, provisioners }];
  }

  #settings(owner: string, of: Expr, source: { readonly type: string; readonly name: string }): Settings {
    const members = membersOf(of, owner);
    // override: { "name of a builder": { … } } overrides the provisioner's own settings.
    const overrides = members.find(([name]) => name === 'override')?.[1];
    const override =
      overrides === undefined
        ? undefined
        : membersOf(overrides, 'override').find(([name]) => name === source.name)?.[1];
    const all = new Map([...members, ...(override === undefined ? [] : membersOf(override, 'override'))]);
    all.delete('override');
    return new Settings(
      owner,
      of.at,
      new Map(
        [...all]
          .filter(([name]) => !name.startsWith('_'))
          .map(([name, value]) => [name, { place: value.at, read: () => this.#value(value, source) }]),
      ),
      this.#given.note,
    );
  }

  #value(of: Expr, source?: { readonly type: string; readonly name: string }): PackerValue {
    return this.#expanded(this.#evaluator.evaluate(of, NO_NAMES), of.at, source);
  }

  #expanded(value: PackerValue, place: Place, source?: { readonly type: string; readonly name: string }): PackerValue {
    if (typeof value === 'string')
      return expandTemplate(value, {
        place,
        user: (name, at) => this.#variable(name, at),
        env: () => {
          throw new PackerFault('the environment is not read', place);
        },
        source,
      });
    if (isList(value)) return value.map((item) => this.#expanded(item, place, source));
    if (!isMap(value)) return value;
    return {
      map: new Map(
        [...value.map].map(([key, item]) => [
          String(this.#expanded(key, place, source)),
          this.#expanded(item, place, source),
        ]),
      ),
    };
  }

  #variable(name: string, place: Place): string {
    if (this.#sensitive.has(name)) {
      this.#given.note({
        kind: 'choice',
        place: this.#variables.get(name)?.at ?? place,
        what: `variable ${name}`,
        why:
          `it is sensitive, so its value is not written down: keep it as the secret 'packer/${name}' ` +
          '(docs/components.md, Secrets)',
      });
      return `{{ resolve:secretsmanager:packer/${name} }}`;
    }
    const given = this.#given.variables.get(name);
    if (given !== undefined) return given;
    const value = this.#assigned.get(name) ?? this.#variables.get(name);
    if (value === undefined) fail(`there is no variable '${name}'; give it with --var ${name}=VALUE`, place);
    if (this.#reading.has(name)) fail(`the variable '${name}' depends on itself`, place);
    const written = this.#evaluator.evaluate(value, NO_NAMES);
    if (written === null || (typeof written === 'string' && /\{\{-?\s*env\s/.test(written.slice(0, 1000)))) {
      this.#given.unset(name, value.at);
      return '';
    }
    this.#reading.add(name);
    try {
      const expanded = this.#expanded(written, value.at);
      return isList(expanded) ? expanded.map((item) => textOf(item, value.at)).join(',') : textOf(expanded, value.at);
    } finally {
      this.#reading.delete(name);
    }
  }
}

function fail(message: string, place: Place): never {
  throw new PackerFault(message, place);
}

function membersOf(expr: Expr | undefined, what: string): Members {
  if (expr === undefined) return [];
  if (expr.kind !== 'object') return fail(`${what} must be an object`, expr.at);
  return expr.items.map(([key, value]) => [
    key.kind === 'literal' ? String(key.value) : fail('a key must be a text', key.at),
    value,
  ]);
}

function itemsOf(expr: Expr | undefined): readonly Expr[] {
  if (expr === undefined) return [];
  return expr.kind === 'tuple' ? expr.items : fail('expected a list', expr.at);
}
