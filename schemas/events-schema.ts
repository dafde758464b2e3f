/** The `events` section of `config.yaml`, from the register of receivers. */
import { closedMap, type JsonSchema } from '../src/documents/json-schema.ts';
import type { SettingDescription } from '../src/events/receiver.ts';
import { receiverTypes } from '../src/events/receivers.ts';
import { EVENTS_DEFAULTS } from '../src/events/settings.ts';

const TEXT: JsonSchema = { type: 'string', minLength: 1 };
const NAMES: JsonSchema = { anyOf: [TEXT, { type: 'array', minItems: 1, items: TEXT }] };

const VALUES: Readonly<Record<SettingDescription['type'], JsonSchema>> = {
  text: TEXT,
  texts: NAMES,
  // Or a reference to a secret.
  url: { type: 'string', pattern: '^https?://|\\{\\{' },
  flag: { type: 'boolean' },
};

const number = (name: keyof typeof EVENTS_DEFAULTS, maximum: number, description: string): JsonSchema => ({
  description,
  type: 'integer',
  minimum: 1,
  maximum,
  default: EVENTS_DEFAULTS[name],
});

/** Each setting of a kind of receiver, with the kinds that have it. */
function settings(): Readonly<Record<string, JsonSchema>> {
  const found = new Map<string, { help: string[]; readonly type: SettingDescription['type'] }>();
  for (const [kind, { settings: own }] of Object.entries(receiverTypes))
    for (const [name, { help, type }] of Object.entries(own)) {
      const known = found.get(name);
      if (known === undefined) found.set(name, { help: [`${kind}: ${help}`], type });
      else if (known.help[0]!.endsWith(`: ${help}`))
        known.help = [known.help[0]!.replace(': ', `, ${kind}: `), ...known.help.slice(1)];
      else known.help.push(`${kind}: ${help}`);
    }
  return Object.fromEntries(
    [...found].map(([name, { help, type }]) => [name, { description: help.join(' '), ...VALUES[type] }]),
  );
}

/** The section. @param accounts schema of a list of accounts */
export function eventsSchema(accounts: JsonSchema): JsonSchema {
  return {
    description: 'Who is told of events.',
    ...closedMap({
      keepDays: number('keepDays', 3650, 'Retention of events, in days.'),
      link: {
        description:
          'Template of a link in messages to people, such as https://ci.example.org/images/{{ resources.0 }}.',
        ...TEXT,
      },
      receivers: {
        description: 'Receivers by name.',
        type: ['object', 'null'],
        additionalProperties: closedMap(
          {
            type: { description: 'Kind of receiver.', enum: Object.keys(receiverTypes) },
            timeoutSeconds: number('timeoutSeconds', 300, 'Longest time of a delivery, in seconds.'),
            concurrency: number('concurrency', 64, 'Deliveries at once. Events of one image never overlap.'),
            catchUpHours: number('catchUpHours', 24 * 365, 'Age at which an undelivered event is given up, in hours.'),
            ...settings(),
          },
          ['type'],
        ),
      },
      rules: {
        description: 'Which events go to which receivers, and which start pipelines.',
        type: ['array', 'null'],
        items: {
          ...closedMap({
            name: { description: 'Name, for people.', ...TEXT },
            pattern: { description: "Event pattern in EventBridge's language. Default: all events.", type: 'object' },
            receivers: { description: 'Names of receivers.', ...NAMES },
            pipelines: {
              description: 'ARNs of pipelines that such an event starts. They need a pattern.',
              type: ['array', 'null'],
              items: TEXT,
            },
            template: {
              description: "Template of the message. Default: the event, or the receiver's own text.",
              ...TEXT,
            },
          }),
          anyOf: [{ required: ['receivers'] }, { required: ['pipelines', 'pattern'] }],
        },
      },
      topics: {
        description: 'Receivers of what is published to an SNS topic, by its ARN; `*` matches any text.',
        type: ['object', 'null'],
        additionalProperties: {
          anyOf: [
            TEXT,
            { type: 'array', minItems: 1, items: TEXT },
            closedMap({ receivers: { description: 'Names of receivers.', ...NAMES }, accounts }, ['receivers']),
          ],
        },
      },
    }),
  };
}
