/** `ingot distribute --check`. */
import { signedJson } from '../platform/api-client.ts';
import type { CheckedStore } from '../distribution/check.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import { WrongUse, type Arguments, type Command } from './command.ts';
import { plainLine } from './text.ts';

export const distribute: Command = {
  usage: 'distribute --check [OPTIONS] [REGION...]',
  about: `
Checks whether the stores of Regions can be used: reachable, and writable with the server's credentials. Without a
Region, checks those that \`regions\` of config.yaml names. Exits with 1 if a store cannot be used.`,
  options: {
    check: { help: 'check, and distribute nothing (required)' },
    json: { help: 'print one line per Region: {"region","place","fault"}' },
    ...CLIENT_OPTIONS,
  },
  examples: ['ingot distribute --check', 'ingot distribute --check eu-west-1 us-east-1'],
  positionals: ['REGION...'],
  run,
};

async function run(args: Arguments): Promise<number> {
  if (!args.flag('check'))
    throw new WrongUse('distribute needs --check; an image is distributed with the operation DistributeImage');
  const connection = await connect(args);
  const regions = args.positionals;
  const { stores } = await signedJson<{ stores: readonly CheckedStore[] }>(connection, {
    method: 'GET',
    path: '/ingot/stores',
    ...(regions.length === 0 ? {} : { query: { regions: regions.join(',') } }),
  });
  for (const store of stores)
    process.stdout.write(args.flag('json') ? `${JSON.stringify(store)}\n` : `${shown(store)}\n`);
  if (stores.length === 0) process.stdout.write('config.yaml names no store: each Region is in the data directory\n');
  return stores.some(({ fault }) => fault !== undefined) ? 1 : 0;
}

function shown({ region, place, fault }: CheckedStore): string {
  return `${region}  ${place}  ${fault === undefined ? 'ok' : `FAILED: ${plainLine(fault)}`}`;
}
