/** `ingot deregister`. */
import { RequestRefused, signedJson, type Connection } from '../platform/api-client.ts';
import type { Deregistered } from '../storage/storage.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import { CommandFailed, WrongUse, type Arguments, type Command } from './command.ts';
import { resolveName } from './short-names.ts';
import { size } from './text.ts';
import { INGOT } from '../platform/own-program.ts';

const AMI_ID = /^ami-[0-9a-f]{8,17}$/;
const BUILD_ARN = "the ARN of an image's build version";

export const deregister: Command = {
  usage: 'deregister [OPTIONS] AMI|IMAGE...',
  about: `
Deregisters AMIs and deletes their disks. Layers that other images share are kept. The disk of a running instance is
deleted when the instance terminates. The image's record is kept. Copies in other Regions are separate AMIs.

The name or ARN of an image means the AMIs of that build, in all Regions or the one of --region.`,
  options: {
    json: { help: 'print one line per AMI: {"amiId","region","layers","bytes","keptBy"}' },
    ...CLIENT_OPTIONS,
    region: { value: 'REGION', help: 'deregister only AMIs in this Region', default: 'any Region' },
  },
  examples: ['ingot deregister ami-0123456789abcdef0', 'ingot deregister web/1.0.0/1'],
  positionals: ['AMI|IMAGE', 'AMI|IMAGE...'],
  run,
};

async function run(args: Arguments): Promise<number> {
  const region = args.text('region');
  // All names are resolved first: nothing is deregistered if one of them is invalid.
  for (const given of args.positionals)
    if (/^ami-/.test(given) && !AMI_ID.test(given))
      throw new WrongUse(
        `invalid AMI ID '${given}': expected ami- and 17 hexadecimal digits; \`${INGOT} df\` lists them`,
      );
  const connection = await connect(args);
  const found: string[] = [];
  for (const given of args.positionals) found.push(...(await amisOf(connection, given, region)));
  const ids = [...new Set(found)];
  let failed = false;
  for (const id of ids) {
    try {
      const done = await signedJson<Deregistered>(connection, {
        method: 'DELETE',
        path: `/ingot/amis/${id}`,
        ...(region === undefined ? {} : { query: { region } }),
      });
      process.stdout.write(args.flag('json') ? `${JSON.stringify(done)}\n` : `${shown(done)}\n`);
    } catch (error) {
      if (!(error instanceof RequestRefused)) throw error;
      process.stderr.write(`ingot: ${error.message}\n`);
      failed = true;
    }
  }
  return failed ? 1 : 0;
}

/** An AMI, or the AMIs of an image's build. @throws {CommandFailed} if it has none */
async function amisOf(connection: Connection, given: string, region: string | undefined): Promise<readonly string[]> {
  if (AMI_ID.test(given)) return [given];
  const arn = await resolveName(async () => connection, given, {
    types: ['image'],
    what: 'image',
    builds: ({ outputResources }) => (outputResources?.amis ?? []).length > 0,
    arns: { fits: (parsed) => parsed.type === 'image' && parsed.build !== undefined, expected: BUILD_ARN },
  });
  const { amis } = await signedJson<{ amis: readonly { readonly region: string; readonly id: string }[] }>(connection, {
    method: 'GET',
    path: `/ingot/images/${encodeURIComponent(arn)}/amis`,
  });
  const meant = amis.filter((ami) => region === undefined || ami.region === region);
  if (meant.length === 0)
    throw new CommandFailed(
      `${arn} has no AMI${region === undefined ? '' : ` in ${region}`} that could be deregistered`,
    );
  return meant.map(({ id }) => id);
}

/** The result as a line for people. */
export function shown({ amiId, region, layers, bytes, keptBy }: Deregistered): string {
  const freed = layers === 0 ? 'nothing could be freed yet' : `${size(bytes)} freed`;
  return (
    `${amiId} deregistered in ${region}, ` +
    `${freed}${keptBy.length === 0 ? '' : `: its disk is still needed by ${keptBy.join(', ')}`}`
  );
}
