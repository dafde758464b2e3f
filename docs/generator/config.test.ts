/** The JSON Schema of `config.yaml` and docs/config.md, compared with what the server reads. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { configSchema, CONFIG_SECTIONS } from '../../schemas/config-schema.ts';
import { schemaText, type JsonSchema } from '../../src/documents/json-schema.ts';
import { DEFAULT_CONFIG, parseConfig } from '../../src/platform/config/config.ts';
import { readHooks } from '../../src/pipelines/hooks/hooks.ts';
import { readMaintenance } from '../../src/pipelines/maintenance.ts';
import { readEvents } from '../../src/events/settings.ts';
import { DESTINATIONS } from '../../src/logs/shipping/destinations.ts';
import { configuredProviders, providerTypes } from '../../src/secrets/providers.ts';

const check = new Ajv({ strict: true, strictTypes: false, strictRequired: false, allErrors: true }).compile(
  configSchema(),
);
const PAGE = readFileSync(new URL('../config.md', import.meta.url), 'utf8');
const EXAMPLES = [...PAGE.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1]!);

test('schemas/config.schema.json is up to date; npm run schemas writes it', () => {
  const file = new URL('../../schemas/config.schema.json', import.meta.url);
  assert.equal(readFileSync(file, 'utf8'), schemaText(configSchema()));
});

/** The settings that the reader names for a map with one that it does not have. */
function settingsAt(path: readonly string[]): readonly string[] {
  const text = JSON.stringify(path.reduceRight<unknown>((value, name) => ({ [name]: value }), { 'no-such': 1 }));
  try {
    parseConfig(text, 'config.yaml');
  } catch (error) {
    const found = /no-such: unknown setting; expected one of (.*)$/m.exec((error as Error).message)?.[1];
    if (found !== undefined) return found.split(', ').sort();
  }
  throw new Error(`the reader does not name the settings of ${path.join('.')}`);
}

const namesOf = (schema: JsonSchema): readonly string[] => Object.keys(schema['properties'] as object).sort();

describe('the schema has the members that the reader has', () => {
  const properties = configSchema()['properties'] as Readonly<Record<string, JsonSchema>>;
  test('at the top', () => assert.deepEqual(namesOf(configSchema()), settingsAt([])));
  for (const name of ['access', 'quotas', 'rates', 'audit', 'vendors', 'networks', 'monitoring', 'keys'])
    test(name, () => assert.deepEqual(namesOf(properties[name]!), settingsAt([name])));
  for (const [name, path] of [
    ['instanceProfiles', ['instanceProfiles', 'x']],
    ['networks', ['networks', 'profiles', 'x']],
    ['registries', ['registries', 'x']],
    ['stateMachines', ['stateMachines', 'x']],
  ] as const)
    test(path.join('.'), () => {
      const whole = properties[name]!;
      const maps =
        name === 'networks' ? (whole['properties'] as Readonly<Record<string, JsonSchema>>)['profiles']! : whole;
      assert.deepEqual(namesOf(maps['additionalProperties'] as JsonSchema), settingsAt(path));
    });
  test('regions', () => {
    const each = properties['regions']!['additionalProperties'] as JsonSchema;
    const kinds = ['directory', 's3', 'ec2'].flatMap((store) => {
      try {
        parseConfig(JSON.stringify({ regions: { x: { store, 'no-such': 1 } } }), 'config.yaml');
        return [];
      } catch (error) {
        return /expected one of (.*)$/m.exec((error as Error).message)![1]!.split(', ');
      }
    });
    assert.deepEqual(namesOf(each), [...new Set(kinds)].sort());
  });
  test('secrets', () =>
    assert.deepEqual(
      namesOf(properties['secrets']!['items'] as JsonSchema),
      ['type', 'accounts', 'services', ...Object.values(providerTypes).flatMap(({ settings }) => settings)].sort(),
    ));
  test('logs.ship', () => {
    const { ship } = properties['logs']!['properties'] as Readonly<Record<string, JsonSchema>>;
    assert.deepEqual(
      namesOf(ship!['additionalProperties'] as JsonSchema),
      [...new Set(['type', ...Object.values(DESTINATIONS).flatMap(({ settings }) => settings)])].sort(),
    );
  });
});

test('the defaults that it shows are those of the reader', () => {
  const { quotas, audit } = configSchema()['properties'] as Readonly<Record<'quotas' | 'audit', JsonSchema>>;
  const defaults = (schema: JsonSchema) =>
    Object.fromEntries(
      Object.entries(schema['properties'] as Readonly<Record<string, JsonSchema>>).map(([name, each]) => [
        name,
        each['default'],
      ]),
    );
  const { homeAccount: _, ...read } = parseConfig(
    JSON.stringify({ quotas: defaults(quotas), audit: defaults(audit) }),
    'config.yaml',
  );
  const { homeAccount: __, ...expected } = DEFAULT_CONFIG;
  assert.deepEqual(read, expected);
});

describe('docs/config.md', () => {
  test('has an example of each section', () =>
    assert.deepEqual(
      [...new Set(EXAMPLES.flatMap((text) => Object.keys(parse(text) as object)))].sort(),
      [...CONFIG_SECTIONS].sort(),
    ));
  for (const text of EXAMPLES)
    test(`its example of ${Object.keys(parse(text) as object).join(', ')} is valid`, () => {
      configuredProviders(parseConfig(text, 'config.yaml').secrets, DEFAULT_CONFIG.homeAccount);
      readMaintenance(parseConfig(text, 'config.yaml').maintenance);
      readEvents(parseConfig(text, 'config.yaml'));
      readHooks(parseConfig(text, 'config.yaml').hooks);
      assert.ok(check(parse(text)), JSON.stringify(check.errors));
    });
});

for (const [text, problem] of [
  ['quota: {}', 'additional properties'],
  ['quotas: {components: -1}', '>= 0'],
  ['rates: {reads: {burst: 5}}', 'perSecond'],
  ['secrets: [{type: vault}]', 'allowed values'],
  ['networks: {profiles: {a: {access: some}}}', 'allowed values'],
  ['events: {keepDays: 0}', '>= 1'],
  ['events: {receivers: {a: {type: pigeon}}}', 'allowed values'],
  ['events: {receivers: {a: {type: web-hook, url: "ftp://x"}}}', 'pattern'],
  ['events: {rules: [{pattern: {source: [a]}}]}', 'receivers'],
] as const)
  test(`the schema rejects ${text}, as the reader does`, () => {
    assert.equal(check(parse(text)), false);
    assert.match(check.errors!.map(({ message }) => message).join(), new RegExp(problem));
    assert.throws(() => {
      const config = parseConfig(text, 'config.yaml');
      configuredProviders(config.secrets, config.homeAccount);
      readEvents(config);
    });
  });
