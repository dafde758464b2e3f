/** Reads the `events` section of `config.yaml`: receivers, rules, topics. */
import { createHash } from 'node:crypto';
import { ConfigError, type Config } from '../platform/config/config.ts';
import { accounts as readAccounts, list, map, section, strings, text } from '../platform/config/reading.ts';
import { parseArn } from '../resources/arns.ts';
import { PatternError, readPattern, type EventPattern } from './pattern.ts';
import type { Settings, SettingsReader } from './receiver.ts';
import { receiverTypes } from './receivers.ts';
import { templateFault } from './template.ts';

/** A configured receiver. */
export interface ConfiguredReceiver {
  readonly name: string;
  readonly type: string;
  /** Settings of its type. Texts may contain references to secrets. */
  readonly settings: Settings;
  readonly timeoutSeconds: number;
  /** Maximum deliveries at once. Events of one image are always delivered one after the other. */
  readonly concurrency: number;
  /** Events older than this are not delivered. */
  readonly catchUpHours: number;
  /** Hash of the settings, which shows whether they changed since the last attempt. */
  readonly hash: string;
}

/** Assigns events to receivers. */
interface EventRule {
  /** If undefined, all events match. */
  readonly pattern: EventPattern | undefined;
  readonly receivers: readonly string[];
  /** ARNs of pipelines that such an event starts. */
  readonly pipelines: readonly string[];
  /** For people. */
  readonly name: string | undefined;
  readonly template: string | undefined;
}

/** Receivers of messages that are published to a topic. */
interface TopicRule {
  /** ARN, in which `*` matches any text. */
  readonly topic: string;
  readonly receivers: readonly string[];
  /** Accounts whose images may publish to the topic. */
  readonly accounts: readonly string[];
}

/** The section, with defaults applied. */
export interface EventsConfig {
  /** Retention of events in days. */
  readonly keepDays: number;
  /** Template of a link to an image, for messages to people. */
  readonly link: string | undefined;
  readonly receivers: ReadonlyMap<string, ConfiguredReceiver>;
  readonly rules: readonly EventRule[];
  readonly topics: readonly TopicRule[];
}

/** Default values. */
export const EVENTS_DEFAULTS = { keepDays: 30, timeoutSeconds: 10, concurrency: 4, catchUpHours: 72 } as const;

/** Settings that every receiver has. */
const COMMON_SETTINGS = ['type', 'timeoutSeconds', 'concurrency', 'catchUpHours'] as const;

/** A reference to a secret in a setting. */
export const SECRET_REFERENCE = /\{\{\s*(resolve:[^{}]*?)\s*\}\}/g;

/**
 * Reads the section.
 * @param config parsed by `readConfig`
 * @throws {ConfigError} with every fault
 */
export function readEvents({ events, homeAccount }: Pick<Config, 'events' | 'homeAccount'>): EventsConfig {
  const faults: string[] = [];
  const root = section(events, 'events', ['keepDays', 'link', 'receivers', 'rules', 'topics'], faults);
  const receivers = new Map(
    Object.entries(map(root['receivers'], 'events.receivers', faults)).flatMap(([name, value]) => {
      const receiver = readReceiver(name, value, faults);
      return receiver === undefined ? [] : [[name, receiver] as const];
    }),
  );
  const known = (value: unknown, place: string): readonly string[] => {
    const names = strings(typeof value === 'string' ? [value] : value, place, faults);
    if (names.length === 0) faults.push(`${place}: must name at least one receiver`);
    for (const name of names) if (!receivers.has(name)) faults.push(`${place}: events.receivers has no '${name}'`);
    return names;
  };
  /** Users choose the topics of their images, and the receiver has the operator's credentials. */
  const needingTopic = (names: readonly string[]): readonly string[] =>
    names.filter((name) => {
      const receiver = receivers.get(name);
      return receiver !== undefined && receiverTypes[receiver.type]!.needsTopic?.(receiver.settings) === true;
    });
  const config: EventsConfig = {
    keepDays: whole(root['keepDays'], 'events.keepDays', EVENTS_DEFAULTS.keepDays, [1, 3650], faults),
    link: readTemplate(root['link'], 'events.link', faults),
    receivers,
    rules: list(root['rules'], 'events.rules', faults).map((value, index): EventRule => {
      const place = `events.rules[${index}]`;
      const rule = section(value, place, ['name', 'pattern', 'receivers', 'pipelines', 'template'], faults);
      const pipelines = strings(rule['pipelines'], `${place}.pipelines`, faults);
      for (const arn of pipelines)
        if (parseArn(arn)?.type !== 'image-pipeline')
          faults.push(`${place}.pipelines: '${arn}' is not the ARN of an image pipeline`);
      if (pipelines.length > 0 && rule['pattern'] === undefined)
        faults.push(`${place}.pattern: is required, or every event would start the pipelines`);
      const named =
        rule['receivers'] === undefined && pipelines.length > 0 ? [] : known(rule['receivers'], `${place}.receivers`);
      for (const name of needingTopic(named))
        faults.push(`${place}.receivers: ${name} needs a topicArn, because events of rules have no topic`);
      return {
        pattern: rule['pattern'] === undefined ? undefined : patternAt(rule['pattern'], `${place}.pattern`, faults),
        receivers: named,
        pipelines,
        name: text(rule['name'], `${place}.name`, faults),
        template: readTemplate(rule['template'], `${place}.template`, faults),
      };
    }),
    topics: Object.entries(map(root['topics'], 'events.topics', faults)).map(([topic, value]): TopicRule => {
      const place = `events.topics.${topic}`;
      if (!/^arn:[a-z*-]+:sns:[a-z0-9*-]+:[0-9*]+:[A-Za-z0-9_.*-]+$/.test(topic) && topic !== '*')
        faults.push(`${place}: must be the ARN of a topic, in which * matches any text`);
      const short = Array.isArray(value) || typeof value === 'string';
      const given = short ? { receivers: value } : section(value, place, ['receivers', 'accounts'], faults);
      const named = known(given['receivers'], short ? place : `${place}.receivers`);
      if (topic.includes('*'))
        for (const name of needingTopic(named))
          faults.push(
            `${place}: ${name} publishes to the topic that an image names, so the topic must not contain *. ` +
              `Name each topic, or set events.receivers.${name}.topicArn`,
          );
      return {
        topic,
        receivers: named,
        accounts: readAccounts(
          'accounts' in given ? given['accounts'] : undefined,
          `${place}.accounts`,
          faults,
          homeAccount,
        ),
      };
    }),
  };
  if (faults.length > 0) throw new ConfigError(faults.map((fault) => `config.yaml: ${fault}`).join('\n'));
  return config;
}

function readReceiver(name: string, value: unknown, faults: string[]): ConfiguredReceiver | undefined {
  const place = `events.receivers.${name}`;
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(name))
    faults.push(`${place}: a receiver's name must have 1 to 64 letters, digits, - and _`);
  const given = map(value, place, faults);
  const { type } = given;
  if (typeof type !== 'string' || !Object.hasOwn(receiverTypes, type)) {
    faults.push(`${place}.type: must be one of ${Object.keys(receiverTypes).join(', ')}`);
    return undefined;
  }
  const kind = receiverTypes[type]!;
  section(given, place, [...COMMON_SETTINGS, ...Object.keys(kind.settings)], faults);
  const settings = Object.fromEntries(
    Object.entries(given).filter(([each]) => !(COMMON_SETTINGS as readonly string[]).includes(each)),
  );
  kind.check(settingsReader(settings, place, faults));
  const number = (setting: 'timeoutSeconds' | 'concurrency' | 'catchUpHours', most: number): number =>
    whole(given[setting], `${place}.${setting}`, EVENTS_DEFAULTS[setting], [1, most], faults);
  return {
    name,
    type,
    settings,
    timeoutSeconds: number('timeoutSeconds', 300),
    concurrency: number('concurrency', 64),
    catchUpHours: number('catchUpHours', 24 * 365),
    hash: createHash('sha256')
      .update(JSON.stringify([type, settings]))
      .digest('hex'),
  };
}

function settingsReader(settings: Settings, place: string, faults: string[]): SettingsReader {
  const at = (name: string): string => `${place}.${name}`;
  const plain = (value: unknown): boolean => typeof value === 'string' && value.search(SECRET_REFERENCE) < 0;
  const reader: SettingsReader = {
    fault: (name, problem) => faults.push(`${at(name)}: ${problem}`),
    text(name, { required = false } = {}) {
      const value = text(settings[name], at(name), faults, required);
      return plain(value) ? value : undefined;
    },
    url(name, options) {
      const value = reader.text(name, options);
      if (value !== undefined && !isWebAddress(value))
        reader.fault(name, 'must be an http or https URL without a user or a fragment');
    },
    texts(name, { required = false } = {}) {
      const value = settings[name];
      const texts = strings(typeof value === 'string' ? [value] : value, at(name), faults);
      if (required && texts.length === 0) reader.fault(name, 'must have at least one');
    },
    isSet: (name) => settings[name] === true,
    flag(name) {
      const value = settings[name];
      if (value !== undefined && typeof value !== 'boolean') reader.fault(name, 'must be true or false');
    },
  };
  return reader;
}

function isWebAddress(value: string): boolean {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.hash === '';
}

function patternAt(value: unknown, place: string, faults: string[]): EventPattern | undefined {
  try {
    return readPattern(value);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    faults.push(...error.faults.map((fault) => `${place}: ${fault}`));
    return undefined;
  }
}

function readTemplate(value: unknown, place: string, faults: string[]): string | undefined {
  const template = text(value, place, faults);
  const fault = template === undefined ? undefined : templateFault(template);
  if (fault !== undefined) faults.push(`${place}: ${fault}`);
  return template;
}

function whole(
  value: unknown,
  place: string,
  otherwise: number,
  [least, most]: readonly [number, number],
  faults: string[],
): number {
  if (value === undefined || value === null) return otherwise;
  if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most) return value as number;
  faults.push(`${place}: must be a whole number from ${least} to ${most}`);
  return otherwise;
}
