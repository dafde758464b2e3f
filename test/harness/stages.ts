/** Stages of a build, reached as it is: what the build has on record as held, or what it printed, tells when. */
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateDistributionConfigurationCommand } from '@aws-sdk/client-imagebuilder';
import { until } from '../../src/platform/clock.ts';
import { createTestImage, outputOf } from './images.ts';
import { query } from './invariants.ts';
import type { TestServer } from './service.ts';

/** Where a build can be when something dies. */
export const STAGES = ['launch', 'component', 'snapshot', 'boot test', 'copy'] as const;
export type BuildStage = (typeof STAGES)[number];

/** What is held in a stage and in no other that comes before it. */
const HELD: Readonly<Record<Exclude<BuildStage, 'component'>, RegExp>> = {
  launch: /"slirp4netns"/,
  snapshot: /"fsfreeze"/,
  'boot test': /"what":"qemu"/,
  copy: /"qemu-img convert"/,
};

/** A document with one step that runs these commands in bash. */
export function bashDocument(step: string, commands: readonly string[], timeoutSeconds = 60): string {
  const lines = commands.map((line) => `            - ${JSON.stringify(line)}\n`).join('');
  return (
    `name: t\nschemaVersion: 1.0\nphases:\n  - name: build\n    steps:\n      - name: ${step}\n        action: ` +
    `ExecuteBash\n        timeoutSeconds: ${timeoutSeconds}\n        inputs:\n          commands:\n${lines}`
  );
}

/** How often a build is begun whose stage was over before anybody saw it. */
const TRIES = 5;

/**
 * Starts a build with two Regions and returns its ARN when it is in the stage. A stage of a moment may go unseen on a
 * busy host: then another build is begun.
 */
export async function buildUntil(server: TestServer, stage: BuildStage, name: string): Promise<string> {
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    const arn = await beginBuild(server, stage, attempt === 1 ? name : `${name}-${attempt}`);
    if (await isSeen(server, stage, arn)) return arn;
  }
  throw new Error(`${TRIES} builds ended before anybody saw them in the stage '${stage}'`);
}

async function beginBuild(server: TestServer, stage: BuildStage, name: string): Promise<string> {
  // A flat copy takes a moment; layers that are shared take none.
  if (stage === 'copy')
    writeFileSync(join(server.dataDirectory, 'config.yaml'), 'regions: { eu-west-1: { layout: flat } }\n');
  const { distributionConfigurationArn } = await server.client.send(
    new CreateDistributionConfigurationCommand({
      name: `${name}-copies`,
      clientToken: randomUUID(),
      distributions: ['us-east-1', 'eu-west-1'].map((region) => ({
        region,
        amiDistributionConfiguration: { name: `${name} {{ imagebuilder:buildDate }}` },
      })),
    }),
  );
  const commands = stage === 'component' ? ['echo started', 'sleep 1000'] : [`echo ${name} > /etc/moment`];
  return createTestImage(server, {
    name,
    tests: stage === 'boot test',
    components: [bashDocument('Step', commands, 2000)],
    distributionConfigurationArn: distributionConfigurationArn!,
  });
}

/** Waits until a build is in a stage. @returns `false` when it came to its end before that was seen */
async function isSeen(server: TestServer, stage: BuildStage, arn: string): Promise<boolean> {
  if (stage === 'component') {
    await until(
      'the component to run',
      60_000,
      async () => ((await outputOf(server, arn)).includes('started') ? true : undefined),
      { everyMs: 50 },
    );
    return true;
  }
  const seen = await until(
    `the ${stage}`,
    120_000,
    () => {
      if (heldThings(server.dataDirectory).some((thing) => HELD[stage].test(thing))) return 'in it';
      const [image] = query(server.dataDirectory, `SELECT status FROM images WHERE arn = '${arn}'`);
      return ['AVAILABLE', 'FAILED', 'CANCELLED'].includes(String(image?.['status'])) ? 'over' : undefined;
    },
    { everyMs: 1 },
  );
  return seen === 'in it';
}

/** What a data directory has on record as held, as JSON. */
export function heldThings(dataDirectory: string): readonly string[] {
  return query(dataDirectory, 'SELECT thing FROM held_things').map(({ thing }) => String(thing));
}

/**
 * Processes of this host whose command has all these words. What one of them starts has its command until it has its
 * own: that is left out.
 */
export function processesWith(words: readonly string[]): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const command = readOf(pid, 'cmdline');
      if (command === undefined || !words.every((word) => command.includes(word))) return false;
      const parent = /^PPid:\s*(\d+)$/m.exec(readOf(pid, 'status') ?? '')?.[1];
      return parent !== undefined && readOf(Number(parent), 'cmdline') !== command;
    });
}

/** A file of a process; `undefined` when it is gone. */
function readOf(pid: number, name: 'cmdline' | 'status'): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return undefined;
  }
}
