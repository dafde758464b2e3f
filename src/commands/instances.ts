/** `ingot instances`. */
import { signedJson } from '../platform/api-client.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import type { Arguments, Command } from './command.ts';
import { table } from './text.ts';

/** An instance in the server's responses. */
export interface InstanceDescription {
  readonly instanceId: string;
  readonly imageId: string;
  /** ARN of its AMI's image, or of the image that it was built for. */
  readonly image?: string;
  readonly state: string;
  readonly reason?: string;
  readonly instanceType: string;
  readonly launchTime: string;
  readonly publish: readonly {
    readonly hostAddress?: string;
    readonly hostPort: number;
    readonly instancePort: number;
  }[];
  readonly purpose: string;
  /** ISO-8601, for one that was kept after a failure. */
  readonly keptUntil?: string;
}

export const instances: Command = {
  usage: 'instances [OPTIONS]',
  about:
    'Lists launched instances, those that wait in pools, and the instances of builds that were kept ' +
    '(`build --keep-on-failure`).',
  options: {
    all: { help: 'include terminated instances and those of builds and tests' },
    json: { help: 'print one JSON object per line' },
    ...CLIENT_OPTIONS,
  },
  examples: ['ingot instances'],
  positionals: [],
  run,
};

async function run(args: Arguments): Promise<number> {
  const { instances: every } = await signedJson<{ instances: readonly InstanceDescription[] }>(await connect(args), {
    method: 'GET',
    path: '/ingot/instances',
  });
  const found = args.flag('all')
    ? every
    : every.filter(
        ({ purpose, keptUntil, state }) =>
          (purpose === 'launch' || purpose === 'pool' || keptUntil !== undefined) && state !== 'terminated',
      );
  if (args.flag('json')) {
    for (const instance of found) process.stdout.write(`${JSON.stringify(instance)}\n`);
    return 0;
  }
  if (found.length === 0) {
    process.stdout.write('no instances\n');
    return 0;
  }
  const rows = [['ID', 'STATE', 'IMAGE', 'TYPE', 'LAUNCHED', 'NOTE'], ...found.map(rowOf)];
  process.stdout.write(table(rows));
  return 0;
}

function rowOf(instance: InstanceDescription): string[] {
  const ports = instance.publish
    .map((port) => `${port.hostAddress ?? '127.0.0.1'}:${port.hostPort}->${port.instancePort}`)
    .join(' ');
  const { instanceId, state, imageId, image, instanceType, launchTime, keptUntil, purpose } = instance;
  const note =
    purpose === 'pool'
      ? 'waits in a pool for a build'
      : keptUntil === undefined
        ? ports
        : `${purpose} instance, kept until ${shortTime(keptUntil)}`;
  return [
    instanceId,
    state,
    imageId || (image ?? '').replace(/^.*:image\//, ''),
    instanceType,
    shortTime(launchTime),
    instance.reason ?? note,
  ];
}

function shortTime(time: string): string {
  return time.slice(0, 19).replace('T', ' ');
}
